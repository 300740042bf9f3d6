import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from scanvote.metrics.ranking import RankedScores

COUNT = 40


def _scans(seed=1, ties=False):
    random = np.random.default_rng(seed)
    truth = np.arange(COUNT) % 3 == 0
    scores = random.normal(size=COUNT) + truth
    return truth, np.round(scores) if ties else scores


@pytest.mark.parametrize("ties", [False, True])
def test_area_is_that_of_scikit_learn(ties):
    truth, scores = _scans(ties=ties)
    area = RankedScores.of(truth, scores).with_weights(np.ones((COUNT, 1))).auroc()
    assert area == pytest.approx(roc_auc_score(truth, scores))


@given(arrays(np.int64, (3, COUNT), elements=st.integers(0, 4)), st.booleans())
def test_a_weight_is_so_many_scans(weights, ties):
    truth, scores = _scans(ties=ties)
    ranking = RankedScores.of(truth, scores).with_weights(weights.T.astype(float))
    found = zip(ranking.auroc(), ranking.average_precision(), weights, strict=True)
    for area, precision, times in found:
        repeated = truth.repeat(times), scores.repeat(times)
        if len(set(repeated[0])) < 2:
            assert np.isnan([area, precision]).all()
        else:
            assert area == pytest.approx(roc_auc_score(*repeated))
            assert precision == pytest.approx(average_precision_score(*repeated))


def test_scans_may_share_the_weight_of_a_row():
    truth, scores = _scans(ties=True)
    rows = np.arange(COUNT) % 7
    weights = np.random.default_rng(1).integers(0, 4, (7, 3)).astype(float)
    shared = RankedScores.of(truth, scores, rows).with_weights(weights)
    own = RankedScores.of(truth, scores).with_weights(weights[rows])
    assert shared.auroc() == pytest.approx(own.auroc())
    assert shared.average_precision() == pytest.approx(own.average_precision())


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("specificity", [0.5, 0.9, 1.0])
def test_sensitivity_at_a_specificity_is_the_best_of_the_curve(ties, specificity):
    truth, scores = _scans(ties=ties)
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    best = true[false <= 1 - specificity + 1e-9].max()
    found = (
        RankedScores.of(truth, scores).with_weights(np.ones((COUNT, 1))).sensitivity_at(specificity)
    )
    assert found == pytest.approx(best)


def test_perfect_reversed_and_constant_scores():
    truth = np.array([True, True, False, False])
    for scores, area, sensitivity in (
        ([4, 3, 2, 1], 1, 1),
        ([1, 2, 3, 4], 0, 0),
        ([1] * 4, 0.5, 0),
    ):
        ranking = RankedScores.of(truth, np.array(scores, float)).with_weights(np.ones((4, 1)))
        assert ranking.auroc() == pytest.approx(area)
        assert ranking.sensitivity_at(0.9) == pytest.approx(sensitivity)


def test_one_kind_alone_has_no_area():
    for truth in (np.ones(4, bool), np.zeros(4, bool)):
        ranking = RankedScores.of(truth, np.arange(4.0)).with_weights(np.ones((4, 1)))
        assert np.isnan(ranking.auroc()).all()
    assert np.isnan(ranking.sensitivity_at(0.9)).all()
