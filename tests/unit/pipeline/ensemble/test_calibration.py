"""Temperatures: what they leave, what they find, and where there is nothing to find."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from scanvote.pipeline.ensemble.calibration import BOUNDS, apply_temperature, fit_temperature

seeds = st.integers(0, 2**31)


def drawn(seed: int, scans: int = 200, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and truths drawn from them: calibrated by construction."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([0.7] * classes, scans)
    truth = (probabilities.cumsum(axis=1) < random.random((scans, 1))).sum(axis=1)
    return probabilities, truth


def smoothed_cross_entropy(probabilities: np.ndarray, truth: np.ndarray) -> float:
    doubt, classes = 1 / (len(truth) + 2), probabilities.shape[1]
    target = np.full(probabilities.shape, doubt / (classes - 1))
    target[np.arange(len(truth)), truth] = 1 - doubt
    return float(-(target * np.log(probabilities)).sum())


@given(seeds, st.floats(0.05, 20), st.integers(2, 5))
def test_tempered_probabilities_sum_to_one_in_the_same_order(
    seed: int, temperature: float, classes: int
) -> None:
    probabilities = np.random.default_rng(seed).dirichlet([1] * classes, (2, 6))
    found = apply_temperature(probabilities, temperature)
    assert found.shape == probabilities.shape
    np.testing.assert_allclose(found.sum(axis=-1), 1)
    ranks = np.take_along_axis(found, probabilities.argsort(axis=-1), axis=-1)
    assert (np.diff(ranks, axis=-1) >= 0).all()


def test_a_temperature_of_one_leaves_probabilities_as_they_are() -> None:
    probabilities = np.array([[0.0, 0.3, 0.7], [1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(apply_temperature(probabilities, 1.0), probabilities)


def test_above_one_is_less_sure_and_below_one_surer() -> None:
    half, double = (apply_temperature(np.array([0.8, 0.2]), degree)[0] for degree in (0.5, 2.0))
    assert half == pytest.approx(0.64 / 0.68)
    assert double == pytest.approx(0.8**0.5 / (0.8**0.5 + 0.2**0.5))


def test_a_probability_of_zero_stays_a_number() -> None:
    found = apply_temperature(np.array([[1.0, 0.0], [0.0, 1.0]]), 0.05)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, np.eye(2), atol=1e-9)


@given(seeds, st.sampled_from([0.3, 0.5, 2.0, 4.0]))
@settings(max_examples=20)
def test_the_fitted_temperature_undoes_the_one_that_was_added(seed: int, added: float) -> None:
    probabilities, truth = drawn(seed, scans=2000)
    wrong = softmax(np.log(probabilities + 1e-5) / added, axis=1)
    assert fit_temperature(wrong, truth) * added == pytest.approx(1, rel=0.2)


@given(seeds, st.integers(2, 5), st.integers(5, 60))
def test_no_other_temperature_has_a_lower_cross_entropy(
    seed: int, classes: int, scans: int
) -> None:
    probabilities, truth = drawn(seed, scans, classes)
    probabilities = (probabilities + 0.01) / (1 + 0.01 * classes)
    other = minimize_scalar(
        lambda log: smoothed_cross_entropy(apply_temperature(probabilities, np.exp(log)), truth),
        bounds=np.log(BOUNDS),
        method="bounded",
        options={"xatol": 1e-8},
    )
    found = smoothed_cross_entropy(
        apply_temperature(probabilities, fit_temperature(probabilities, truth)), truth
    )
    assert found <= other.fun + 1e-6


@pytest.mark.parametrize("sure", [0.6, 0.9, 1.0])
def test_who_is_always_right_is_believed_by_the_rule_of_succession(sure: float) -> None:
    """Right in 98 of 98 scans: 99 in 100, however sure it says it is."""
    truth = np.arange(98) % 2
    probabilities = np.where(np.eye(2)[truth] == 1, sure, 1 - sure)
    found = apply_temperature(probabilities, fit_temperature(probabilities, truth))
    np.testing.assert_allclose(found[np.arange(98), truth], 0.99, atol=1e-4)


def test_who_is_always_wrong_is_hardly_believed() -> None:
    truth = np.arange(20) % 2
    probabilities = np.where(np.eye(2)[truth] == 1, 0.01, 0.99)
    assert fit_temperature(probabilities, truth) == BOUNDS[1]


def test_who_is_right_but_never_sure_becomes_surer_within_bounds() -> None:
    truth = np.arange(50) % 3
    probabilities = 1 / 3 + 1e-4 * (np.eye(3)[truth] - 1 / 3)
    assert fit_temperature(probabilities, truth) == BOUNDS[0]


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_who_says_nothing_keeps_a_temperature_of_one(classes: int) -> None:
    probabilities = np.full((10, classes), round(1 / classes, 6))
    assert fit_temperature(probabilities, np.arange(10) % classes) == 1


def test_one_scan_and_a_class_that_is_absent_are_enough() -> None:
    for truth in (0, 1, 2):
        found = fit_temperature(np.array([[0.7, 0.3, 0.0]]), np.array([truth]))
        assert BOUNDS[0] <= found <= BOUNDS[1]
