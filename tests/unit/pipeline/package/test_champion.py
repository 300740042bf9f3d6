"""Who is champion: better, worse, equal, other data, first of all, smoke."""

import re

import numpy as np
import pandas as pd
import pytest

from scanvote.metrics.bootstrap import bootstrap_method, confusions, macro_f1
from scanvote.metrics.resampled import bootstrap, confusion_metrics
from scanvote.metrics.results import ClassifierOutput
from scanvote.pipeline.package.champion import choose_champion

CLASSES = ["glioma", "meningioma", "pituitary"]


def answers(right: float, groups: int = 60, each: int = 2, seed: int = 0) -> pd.DataFrame:
    """A share of the groups right, all of their scans alike."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    truth = (group + np.tile(np.arange(each), groups)) % 3
    wrong = (random.random(groups) >= right)[group]
    guess = np.where(wrong, (truth + 1) % 3, truth)
    return pd.DataFrame(
        {
            "scan": [f"{number:04}" for number in range(len(group))],
            "label": np.array(CLASSES)[truth],
            "group": group,
            "predicted": np.array(CLASSES)[guess],
        }
    )


def f1(table: pd.DataFrame) -> float:
    codes = {label: code for code, label in enumerate(CLASSES)}
    pairs = (table[name].map(codes).to_numpy() for name in ("label", "predicted"))
    counts = confusions(np.zeros(len(table), int), *pairs, 3)
    return float(macro_f1(counts.sum(axis=0)))


def bounds(reason: str) -> tuple[float, float]:
    low, high = re.findall(r"interval (-?\d\.\d+) to (-?\d\.\d+)", reason)[0]
    return float(low), float(high)


def test_the_better_one_is_champion():
    new, present = answers(0.95), answers(0.6, seed=1)
    alias, reason = choose_champion(new, present, smoke=False, seed=1)
    assert alias == "champion"
    assert reason.startswith(f"champion: macro F1 {f1(new) - f1(present):.3f} higher, 95 %")
    assert reason.endswith("lies above zero")
    low, high = bounds(reason)
    assert 0 < low < f1(new) - f1(present) < high


def test_the_worse_one_is_challenger():
    alias, reason = choose_champion(answers(0.6), answers(0.95, seed=1), smoke=False, seed=1)
    assert alias == "challenger"
    assert "lower" in reason
    assert reason.endswith("lies below zero")


def test_one_that_may_be_better_by_chance_is_challenger():
    present = answers(0.8)
    new = present.copy()
    new.loc[np.flatnonzero(new["label"] != new["predicted"])[:2], "predicted"] = new["label"]
    alias, reason = choose_champion(new, present, smoke=False, seed=1)
    assert alias == "challenger"
    assert "higher" in reason
    assert reason.endswith("includes zero")
    low, high = bounds(reason)
    assert low <= 0 < high


def test_an_equal_one_is_challenger():
    same = answers(0.8)
    alias, reason = choose_champion(same, same.copy(), smoke=False, seed=1)
    assert alias == "challenger"
    assert reason.startswith("challenger: macro F1 the same, 95 % interval -0.")
    assert reason.endswith(f"({bootstrap_method()}) includes zero")


def test_a_perfect_one_stands_its_ground_against_another():
    perfect = answers(1.0)
    assert choose_champion(perfect, perfect.copy(), smoke=False, seed=1).alias == "challenger"
    assert choose_champion(perfect, answers(0.5), smoke=False, seed=1).alias == "champion"


@pytest.mark.parametrize("other", ["scan", "label", "group", "fewer"])
def test_on_other_data_it_is_challenger_however_good(other: str):
    new, present = answers(1.0), answers(0.3)
    if other == "fewer":
        new = new.iloc[:-2]
    elif other == "group":
        new["group"] = 0
    else:
        new.loc[0, other] = "glioma" if new.loc[0, other] != "glioma" else "pituitary"
    alias, reason = choose_champion(new, present, smoke=False, seed=1)
    assert alias == "challenger"
    assert reason == "challenger: the champion was tested on other scans, classes or groups"


def test_the_first_of_all_is_champion():
    assert choose_champion(answers(0.1), None, smoke=False, seed=1) == (
        "champion",
        "champion: it is the first of all",
    )


@pytest.mark.parametrize("present", [None, answers(0.1)])
def test_a_smoke_run_is_never_champion(present: pd.DataFrame | None):
    alias, reason = choose_champion(answers(1.0), present, smoke=True, seed=1)
    assert alias == "challenger"
    assert "smoke run" in reason


def test_the_gate_decides_by_the_interval_that_the_comparisons_show():
    new, present = answers(0.9), answers(0.7, seed=1)
    both = {"new": new, "present": present}
    said = {
        name: ClassifierOutput(
            tuple(CLASSES),
            *(table[one].map(CLASSES.index).to_numpy() for one in ("label", "predicted")),
            np.zeros((len(table), 3)),
            table["group"].to_numpy(),
        )
        for name, table in both.items()
    }
    figures = bootstrap(said, 1, (confusion_metrics,))
    difference = figures["new"]["macro_f1"] - figures["present"]["macro_f1"]
    reason = choose_champion(new, present, smoke=False, seed=1).reason
    assert bounds(reason) == pytest.approx(difference.interval(), abs=5e-4)


def test_without_an_interval_none_is_beaten():
    new, present = answers(1.0, groups=1, each=9), answers(0.0, groups=1, each=9)
    alias, reason = choose_champion(new, present, smoke=False, seed=1)
    assert alias == "challenger"
    assert reason.endswith("without an interval, as a class has test scans of one group only")


def test_few_groups_are_no_proof():
    """Of three that all are better, any resample is."""
    new, present = answers(1.0, groups=3, each=3), answers(1.0, groups=3, each=3)
    present.loc[[0, 3, 6, 7], "predicted"] = [CLASSES[1], CLASSES[2], CLASSES[0], CLASSES[1]]
    alias, reason = choose_champion(new, present, smoke=False, seed=1)
    assert alias == "challenger", reason


def test_scans_of_one_group_count_as_one():
    """Twelve scans of two groups are two cases: no proof, where of twelve groups they are one."""
    alone, joined = answers(1.0, groups=12, each=1), answers(1.0, groups=12, each=1)
    present = alone.copy()
    present.loc[:7, "predicted"] = present.loc[:7, "label"].map(
        dict(zip(CLASSES, CLASSES[1:] + CLASSES[:1], strict=True))
    )
    assert choose_champion(alone, present, smoke=False, seed=1).alias == "champion"
    halves = np.repeat([0, 1], [8, 4])
    verdict = choose_champion(
        joined.assign(group=halves), present.assign(group=halves), smoke=False, seed=1
    )
    assert verdict.alias == "challenger"


def test_a_class_that_only_the_champion_predicted_is_no_error():
    present = answers(0.8)
    present.loc[0, "predicted"] = "no_tumor"
    assert choose_champion(answers(0.8), present, smoke=False, seed=1).alias == "challenger"
