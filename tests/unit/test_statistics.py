"""The bootstrap over groups, against what is known of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from scanvote.statistics import accuracy, confusions, interval, macro_f1, resampled


def counts_of(truth: list[int], guess: list[int], classes: int) -> np.ndarray:
    groups = np.zeros(len(truth), int)
    return confusions(groups, np.array(truth), np.array(guess), classes).sum(axis=0)


pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(pairs)
def test_statistics_of_counts_are_those_of_the_scans(scans: list[tuple[int, int]]) -> None:
    truth, guess = map(list, zip(*scans, strict=True))
    counts = counts_of(truth, guess, 4)
    expected = f1_score(truth, guess, labels=range(4), average="macro", zero_division=0)
    assert macro_f1(counts) == pytest.approx(expected)
    assert accuracy(counts) == pytest.approx(np.mean(np.array(truth) == guess))


def test_statistics_take_any_number_of_matrices_at_once() -> None:
    stack = np.random.default_rng(0).integers(0, 9, (5, 2, 3, 3)).astype(float)
    for statistic in (accuracy, macro_f1):
        whole = statistic(stack)
        assert whole.shape == (5, 2)
        assert whole[3, 1] == pytest.approx(float(statistic(stack[3, 1])))


def test_scans_of_few_groups_say_less_than_as_many_for_themselves() -> None:
    random = np.random.default_rng(1)
    right = np.repeat(random.random(40) < 0.7, 25).astype(int)  # a patient is right or wrong
    truth = np.ones(1000, int)
    widths = []
    for groups in (np.repeat(np.arange(40), 25), np.arange(1000)):
        draws = resampled(confusions(groups, truth, right, 2), seed=1)
        low, high = interval(accuracy(draws))
        widths.append(high - low)
    assert widths[0] > 3 * widths[1]


def test_the_interval_of_a_share_is_that_of_the_normal_approximation() -> None:
    guess = (np.arange(2000) % 4 > 0).astype(int)
    draws = resampled(confusions(np.arange(2000), np.ones(2000, int), guess, 2), seed=3)
    low, high = interval(accuracy(draws))
    half = 1.96 * np.sqrt(0.75 * 0.25 / 2000)
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.003)


def test_draws_of_the_same_groups_are_paired() -> None:
    counts = np.random.default_rng(0).random((30, 2, 2))
    np.testing.assert_allclose(resampled(2 * counts, 5), 2 * resampled(counts, 5))
    assert not np.allclose(resampled(counts, 5), resampled(counts, 6))


def test_what_is_undefined_in_a_resample_is_left_out() -> None:
    assert interval(np.array([np.nan, 0.5, 0.5, np.nan])) == (0.5, 0.5)
