import numpy as np
import pandas as pd
import pytest

from scanvote.metrics.classification import evaluate_classes
from scanvote.metrics.intervals import chief_intervals

LABELS = ["no_tumor", "tumor"]


def _table(count=60, seed=1):
    random = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    p = np.clip(0.5 + 0.25 * (truth - 0.5) + 0.2 * random.normal(size=count), 0, 1)
    names = np.array(LABELS)
    columns = {"label": names[truth], "predicted": names[(p > 0.5).astype(int)]}
    return pd.DataFrame(columns | {"p_no_tumor": 1 - p, "p_tumor": p})


def test_values_are_those_of_the_whole_table():
    table = _table()
    found = chief_intervals(table, np.arange(60), None, 1)
    scores = evaluate_classes(table)
    for name in ("accuracy", "macro_f1", "auroc"):
        assert found[name] == pytest.approx(scores[name])
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]
    assert "sensitivity_at_specificity_90" not in found


def test_two_classes_have_a_sensitivity_at_a_specificity():
    found = chief_intervals(_table(), np.arange(60), "tumor", 1)
    low, value, high = (
        found[f"sensitivity_at_specificity_90{end}"] for end in ("_low", "", "_high")
    )
    assert 0 <= low <= value <= high <= 1


def test_scans_of_one_group_add_nothing_when_they_are_copies():
    table = _table()
    fourfold = table.loc[np.arange(60).repeat(4)].reset_index(drop=True)
    once = chief_intervals(table, np.arange(60), "tumor", 1)
    again = chief_intervals(fourfold, np.arange(60).repeat(4), "tumor", 1)
    assert again == pytest.approx(once)


def test_same_seed_same_interval():
    table = _table()
    assert chief_intervals(table, np.arange(60), "tumor", 1) == chief_intervals(
        table, np.arange(60), "tumor", 1
    )


def test_a_class_that_is_absent_leaves_the_area_undefined():
    table = _table()
    found = chief_intervals(table[table["label"] == "tumor"], np.arange(30), "tumor", 1)
    assert np.isnan([found["auroc"], found["auroc_low"], found["auroc_high"]]).all()
    assert np.isfinite(found["accuracy"])
