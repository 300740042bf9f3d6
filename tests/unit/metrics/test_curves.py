"""ROC and precision–recall curves on their grid."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

from scanvote.metrics.bootstrap import MIN_GROUPS
from scanvote.metrics.curves import GRID, LEVELS, Curves, curves_of, lines_of
from tests.classified import LABELS, classified


def curves(table: pd.DataFrame, seed: int = 0, size: int = 2) -> Curves:
    return curves_of(table, np.arange(len(table)) // size, seed)


def every(found: Curves):  # type: ignore[no-untyped-def]
    return [*found.roc, *found.precision_recall]


@settings(max_examples=5)
@given(st.integers(0, 10_000), st.integers(15, 60))
def test_a_band_holds_its_curve(seed: int, scans: int) -> None:
    found = curves(classified(scans, seed=seed)["vote"].round(1), seed)
    for curve in every(found):
        assert (curve.low <= curve.line).all()
        assert (curve.line <= curve.high).all()
        assert curve.low.min() >= 0
        assert curve.high.max() <= 1
    for curve in found.roc:
        for line in (curve.line, curve.low, curve.high):
            assert (np.diff(line) >= -1e-9).all()
        assert curve.line[-1] == pytest.approx(1)


@pytest.mark.parametrize("digits", [6, 1], ids=["no ties", "ties"])
def test_the_lines_are_those_of_scikit_learn(digits: int) -> None:
    table = classified(90)["vote"].round(digits)
    sensitivity, precision = lines_of(table)
    for place, label in enumerate(LABELS):
        truth, scores = table["label"] == label, table[f"p_{label}"]
        false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
        np.testing.assert_allclose(sensitivity[place], np.interp(GRID + 1e-9, false, true), 1e-6)
        height, recall, _ = precision_recall_curve(truth, scores)
        reached = [height[recall >= point - 1e-9][-1] for point in GRID[1:]]
        np.testing.assert_allclose(precision[place][1:], reached)


def test_more_scans_than_levels_are_nearly_the_same_curve() -> None:
    table = classified(8 * LEVELS)["vote"]
    sensitivity, precision = lines_of(table)
    truth, scores = table["label"] == LABELS[0], table[f"p_{LABELS[0]}"]
    false, true, _ = roc_curve(truth, scores)
    assert np.trapezoid(sensitivity[0], GRID) == pytest.approx(auc(false, true), abs=2e-3)
    area = average_precision_score(truth, scores)
    assert precision[0].mean() == pytest.approx(area, abs=1e-2)
    np.testing.assert_allclose(sensitivity[0], np.interp(GRID, false, true), atol=5e-3)


def test_the_average_is_of_the_classes() -> None:
    for lines in lines_of(classified(40)["vote"]):
        np.testing.assert_allclose(lines[-1], lines[:-1].mean(axis=0))


def test_a_class_that_is_absent_has_no_curve_and_is_left_out_of_the_average() -> None:
    table = classified(60)["vote"]
    rows = table[table["label"] != LABELS[1]]
    found = curves(rows)
    for kind in (found.roc, found.precision_recall):
        assert np.isnan(kind[1].line).all()
        assert np.isnan(kind[1].high).all()
        np.testing.assert_allclose(kind[-1].line, (kind[0].line + kind[2].line) / 2)
        assert np.isfinite(kind[-1].low).all()


def test_a_class_of_few_groups_has_a_curve_without_a_band() -> None:
    table = classified(60)["vote"]
    rare = np.flatnonzero(table["label"] == LABELS[1])[MIN_GROUPS - 1 :]
    found = curves(table.drop(index=rare))
    for kind in (found.roc, found.precision_recall):
        assert kind[1].groups == kind[-1].groups == MIN_GROUPS - 1
        for curve in (kind[1], kind[-1]):
            assert np.isfinite(curve.line).all()
            assert np.isnan([curve.low, curve.high]).all()
        assert np.isfinite(kind[0].low).all()


def test_of_one_class_there_is_no_curve() -> None:
    table = classified(30)["vote"]
    found = curves(table[table["label"] == LABELS[0]])
    assert all(np.isnan(curve.line).all() for curve in every(found))


def test_a_perfect_classifier_is_perfect_in_every_draw() -> None:
    table = classified(30)["vote"]
    for label in LABELS:
        table[f"p_{label}"] = (table["label"] == label).astype(float)
    for curve in every(curves(table)):
        assert set(curve.line) == set(curve.low) == set(curve.high) == {1.0}


def test_who_knows_nothing_is_on_the_diagonal() -> None:
    table = classified(30)["vote"].assign(**{f"p_{label}": 0.5 for label in LABELS})
    for curve in curves(table).roc:
        for line in (curve.line, curve.low, curve.high):
            np.testing.assert_allclose(line, GRID, atol=1e-8)


def test_the_same_seed_draws_the_same_band_and_another_one_another() -> None:
    table = classified(40)["vote"]
    first, again, other = (curves(table, seed).roc[0].low for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_fewer_groups_make_wider_bands() -> None:
    """Scans of one patient are no independent cases."""
    once = classified(30)["vote"]
    many = pd.concat([once] * 6, ignore_index=True)
    groups = np.tile(np.arange(30), 6)
    alone, grouped = (curves_of(many, one, 0).roc[-1] for one in (np.arange(len(many)), groups))
    assert (grouped.high - grouped.low).mean() > 1.5 * (alone.high - alone.low).mean()
