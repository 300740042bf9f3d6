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
FEW = "without an interval, as the test has too few groups"


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


def test_the_first_of_its_test_scans_is_champion():
    assert choose_champion(answers(0.1), None, smoke=False, seed=1) == (
        "champion",
        "champion: it is the first that was tested on its test scans",
    )


def masks(dice: float, patients: int = 12) -> pd.DataFrame:
    """Two slices of each patient, whose Dice is about the same."""
    truth = np.tile([90, 110], patients)
    found = np.rint(dice * (truth + np.arange(2 * patients) % 5)).astype(int)
    table = pd.DataFrame({"scan": "a", "marked": 4 * truth, "overlap": found, "predicted": truth})
    return table.assign(truth=truth, group=np.repeat(np.arange(patients), 2))


def test_masks_alone_are_compared_by_the_dice_of_the_same_patients():
    better, worse = (
        choose_champion(masks(one), masks(other), smoke=False, seed=1)
        for one, other in ((0.8, 0.6), (0.6, 0.8))
    )
    assert better.alias == "champion"
    assert better.reason.startswith("champion: mean Dice of a patient 0.204 higher, 95 %")
    assert better.reason.endswith("lies above zero")
    assert worse.alias == "challenger"
    assert worse.reason.endswith("lies below zero")
    few = choose_champion(masks(0.8, 3), masks(0.6, 3), smoke=False, seed=1)
    assert few == ("challenger", f"challenger: mean Dice of a patient 0.203 higher, {FEW}")


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
    assert reason.endswith(FEW)


def test_few_groups_are_no_proof():
    """Of three that all are better, any resample is."""
    new, present = answers(1.0, groups=3, each=3), answers(1.0, groups=3, each=3)
    present.loc[[0, 3, 6, 7], "predicted"] = [CLASSES[1], CLASSES[2], CLASSES[0], CLASSES[1]]
    alias, reason = choose_champion(new, present, smoke=False, seed=1)
    assert alias == "challenger", reason


def test_scans_of_one_group_count_as_one():
    """Many scans of two groups are two cases: no proof, where of as many groups they are one."""
    alone, joined = answers(1.0, groups=24, each=1), answers(1.0, groups=24, each=1)
    present = alone.copy()
    present.loc[:7, "predicted"] = present.loc[:7, "label"].map(
        dict(zip(CLASSES, CLASSES[1:] + CLASSES[:1], strict=True))
    )
    assert choose_champion(alone, present, smoke=False, seed=1).alias == "champion"
    halves = np.repeat([0, 1], [8, 16])
    verdict = choose_champion(
        joined.assign(group=halves), present.assign(group=halves), smoke=False, seed=1
    )
    assert verdict.alias == "challenger"


def test_a_class_that_only_the_champion_predicted_is_no_error():
    present = answers(0.8)
    present.loc[0, "predicted"] = "no_tumor"
    assert choose_champion(answers(0.8), present, smoke=False, seed=1).alias == "challenger"
