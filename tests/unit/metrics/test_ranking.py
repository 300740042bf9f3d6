import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score, roc_curve

from scanvote.metrics.ranking import Ranking

COUNT = 40


def _scans(seed=1, ties=False):
    random = np.random.default_rng(seed)
    truth = np.arange(COUNT) % 3 == 0
    scores = random.normal(size=COUNT) + truth
    return truth, np.round(scores) if ties else scores


@pytest.mark.parametrize("ties", [False, True])
def test_area_is_that_of_scikit_learn(ties):
    truth, scores = _scans(ties=ties)
    area = Ranking.of(truth, scores, np.ones((1, COUNT))).auroc()
    assert area == pytest.approx(roc_auc_score(truth, scores))


@given(arrays(np.int64, (3, COUNT), elements=st.integers(0, 4)), st.booleans())
def test_a_weight_is_so_many_scans(weights, ties):
    truth, scores = _scans(ties=ties)
    areas = Ranking.of(truth, scores, weights.astype(float)).auroc()
    for area, times in zip(areas, weights, strict=True):
        repeated = truth.repeat(times)
        if len(set(repeated)) < 2:
            assert np.isnan(area)
        else:
            assert area == pytest.approx(roc_auc_score(repeated, scores.repeat(times)))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("specificity", [0.5, 0.9, 1.0])
def test_sensitivity_at_a_specificity_is_the_best_of_the_curve(ties, specificity):
    truth, scores = _scans(ties=ties)
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    best = true[false <= 1 - specificity + 1e-9].max()
    found = Ranking.of(truth, scores, np.ones((1, COUNT))).sensitivity_at(specificity)
    assert found == pytest.approx(best)


def test_perfect_reversed_and_constant_scores():
    truth = np.array([True, True, False, False])
    one = np.ones((1, 4))
    for scores, area, sensitivity in (
        ([4, 3, 2, 1], 1, 1),
        ([1, 2, 3, 4], 0, 0),
        ([1] * 4, 0.5, 0),
    ):
        ranking = Ranking.of(truth, np.array(scores, float), one)
        assert ranking.auroc() == pytest.approx(area)
        assert ranking.sensitivity_at(0.9) == pytest.approx(sensitivity)


def test_one_kind_alone_has_no_area():
    for truth in (np.ones(4, bool), np.zeros(4, bool)):
        ranking = Ranking.of(truth, np.arange(4.0), np.ones((1, 4)))
        assert np.isnan(ranking.auroc()).all()
    assert np.isnan(ranking.sensitivity_at(0.9)).all()
