"""McNemar's test and Holm's correction, against pencil and paper and scipy."""

import numpy as np
import pytest
from scipy.stats import binomtest

from scanvote.metrics.comparisons import BASELINE, compare, holm, mcnemar, rounded_p
from scanvote.metrics.resampled import bootstrap
from scanvote.metrics.results import ClassifierOutput, majority_baseline


def right_where(right: np.ndarray) -> ClassifierOutput:
    truth = np.arange(len(right)) % 2
    guess = np.where(right, truth, 1 - truth)
    shares = 0.2 + 0.6 * np.eye(2)[guess]
    return ClassifierOutput(("a", "b"), truth, guess, shares, np.arange(len(right)))


def test_mcnemar_is_the_binomial_test_of_where_they_differ() -> None:
    random = np.random.default_rng(1)
    for _ in range(5):
        one, other = random.random((2, 40)) < 0.7
        first, differ = int((one & ~other).sum()), int((one != other).sum())
        wanted = binomtest(first, differ).pvalue
        assert mcnemar(right_where(one), right_where(other)) == pytest.approx(wanted)


def test_mcnemar_of_the_same_answers_is_1() -> None:
    same = right_where(np.ones(6, bool))
    assert mcnemar(same, same) == 1


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert len(holm(np.array([]))) == 0


def test_the_table_of_comparisons() -> None:
    random = np.random.default_rng(2)
    good, poor = random.random(60) < 0.95, random.random(60) < 0.6
    answers = {"vote": right_where(good), "m": right_where(poor)}
    answers[BASELINE] = majority_baseline(answers["vote"], np.array([0.5, 0.5]))
    table = compare([("vote", "m"), ("vote", BASELINE)], answers, bootstrap(answers, 1))
    assert table["metric"].tolist() == ["accuracy", "macro_f1", "auroc"] * 2
    first = table.iloc[0]
    assert first["difference"] == pytest.approx(good.mean() - poor.mean())
    assert 0 < first["low"] < first["difference"] < first["high"]
    assert first["p"] == mcnemar(answers["vote"], answers["m"])
    assert table.loc[table["metric"] == "macro_f1", ["p", "p_holm"]].isna().all(axis=None)
    for test in ("mcnemar", "delong"):
        own = table[table["test"] == test]
        np.testing.assert_allclose(own["p_holm"], holm(own["p"].to_numpy()))
        assert (own["p_holm"] >= own["p"]).all()


@pytest.mark.parametrize(
    ("p", "kept"),
    [(0.34375, 0.34375), (0.0123456789, 0.012346), (4.56789e-9, 4.568e-9), (0.0, 0.0), (1.0, 1.0)],
)
def test_a_small_p_keeps_its_digits(p: float, kept: float) -> None:
    assert rounded_p(p) == kept
    assert np.isnan(rounded_p(float("nan")))
