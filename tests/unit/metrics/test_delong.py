"""DeLong's test against its own paper's data, its definition, and a permutation."""

import numpy as np
import pytest
from scipy.stats import norm

from scanvote.metrics.delong import contributions, delong, macro_contributions
from scanvote.metrics.results import ClassifierOutput

# Albumin, total protein, 10 less the K-G score, benefit: the patients of DeLong et al. 1988 of
# whom all three are known, as in the documentation of SAS, PROC LOGISTIC, "Comparing ROC curves"
OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6 5 1
"""


def two(truth: np.ndarray, scores: np.ndarray) -> ClassifierOutput:
    shares = np.stack([1 - scores, scores], axis=1)
    guess = (scores > 0.5).astype(int)
    return ClassifierOutput(("no", "yes"), truth.astype(int), guess, shares, np.arange(len(truth)))


def test_the_published_example() -> None:
    table = np.array(OVARIAN.split(), float).reshape(-1, 4)
    truth = table[:, 3] == 1
    scores = [10 - table[:, 2], table[:, 0], table[:, 1]]
    areas, apart = zip(*(contributions(truth, one) for one in scores), strict=True)
    covariance = np.array(apart) @ np.array(apart).T
    assert areas == pytest.approx((0.7258, 0.7366, 0.6478), abs=1e-4)
    assert np.sqrt(np.diag(covariance)) == pytest.approx((0.1028, 0.0927, 0.1000), abs=1e-4)
    contrast = np.array([[-1, 1, 0], [-1, 0, 1]])
    differences, spread = contrast @ areas, contrast @ covariance @ contrast.T
    assert differences @ np.linalg.solve(spread, differences) == pytest.approx(2.5340, abs=1e-4)
    squeezed = [two(truth, one / 11) for one in scores[:2]]
    assert delong(*squeezed) == pytest.approx(0.9102, abs=1e-4)


def by_definition(truth: np.ndarray, scores: list[np.ndarray]) -> float:
    """All pairs of a positive and a negative scan, with ties."""
    kernels = [
        (one[truth][:, None] > one[~truth]) + 0.5 * (one[truth][:, None] == one[~truth])
        for one in scores
    ]
    apart = kernels[0] - kernels[1]
    variance = apart.mean(axis=1).var(ddof=1) / truth.sum()
    variance += apart.mean(axis=0).var(ddof=1) / (~truth).sum()
    return float(2 * norm.sf(abs(apart.mean()) / np.sqrt(variance)))


@pytest.mark.parametrize("ties", [False, True])
def test_two_classes_as_it_is_defined(ties: bool) -> None:
    random = np.random.default_rng(1)
    truth = random.random(50) < 0.4
    scores = [np.clip(0.2 * truth + random.random(50) * 0.8, 0, 1) for _ in range(2)]
    if ties:
        scores = [one.round(1) for one in scores]
    p = delong(two(truth, scores[0]), two(truth, scores[1]))
    assert p == pytest.approx(by_definition(truth, scores))


def three(random: np.random.Generator, truth: np.ndarray, skill: float) -> ClassifierOutput:
    says = np.exp(skill * np.eye(3)[truth] + random.normal(size=(len(truth), 3)))
    shares = says / says.sum(axis=1, keepdims=True)
    return ClassifierOutput(
        ("a", "b", "c"), truth, shares.argmax(axis=1), shares, np.arange(len(truth))
    )


def test_the_spread_of_the_macro_area_is_that_of_new_samples() -> None:
    random = np.random.default_rng(2)
    found = []
    for _ in range(400):
        area, apart = macro_contributions(three(random, random.integers(0, 3, 120), 1.0))
        found.append((area, np.sqrt((apart**2).sum())))
    areas, errors = np.array(found).T
    assert errors.mean() == pytest.approx(areas.std(), rel=0.1)


def test_equal_models_are_told_apart_as_often_as_the_level_says() -> None:
    random = np.random.default_rng(3)
    p = []
    for _ in range(400):
        truth = np.arange(90) % 3
        p.append(delong(three(random, truth, 1.0), three(random, truth, 1.0)))
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09
    assert 0.4 < np.median(p) < 0.6


def test_the_degenerate() -> None:
    truth = np.array([True, True, False, False, True])
    perfect, flat = two(truth, truth * 0.8), two(truth, np.full(5, 0.5))
    assert delong(perfect, perfect) == delong(flat, flat) == 1
    assert np.isnan(delong(perfect, flat)), "a difference without any spread"
    assert np.isnan(delong(two(truth[:2], truth[:2] * 0.8), two(truth[:2], truth[:2] * 0.3)))
