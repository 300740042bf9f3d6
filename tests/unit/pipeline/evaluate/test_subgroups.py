"""Subgroups by the manifest's columns, with their counts, and none of few groups overread."""

import numpy as np
import pandas as pd
import pytest

from scanvote.metrics.bootstrap import MIN_GROUPS
from scanvote.metrics.results import ClassifierOutput
from scanvote.pipeline.evaluate.subgroups import class_subgroups, mask_subgroups, subgroups

ROWS = 80


def scans(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"width": 128, "height": 100, **columns}, index=range(ROWS))


def named(**columns: object) -> list[tuple[str, str, int]]:
    found = subgroups(scans(**columns))
    return [(column, value, int(inside.sum())) for column, value, inside in found]


def test_columns_that_are_not_there_or_alike_make_no_subgroups() -> None:
    assert named() == named(plane="axial", institution="") == []


def test_what_is_not_known_stands_last() -> None:
    plane = ["sagittal", "", "axial", "axial"] * 20
    assert named(plane=plane) == [
        ("plane", "axial", 40),
        ("plane", "sagittal", 20),
        ("plane", "unknown", 20),
    ]


def test_ages_and_sizes_stand_in_bands_in_their_order() -> None:
    found = named(age=["59", "60", "17.9", ""] * 20, width=[256, 257, 512, 513] * 20)
    assert found == [
        ("age", "below 18", 20),
        ("age", "40 to 59", 20),
        ("age", "60 and above", 20),
        ("age", "unknown", 20),
        ("image_size", "up to 256", 20),
        ("image_size", "257 to 512", 40),
        ("image_size", "above 512", 20),
    ]


@pytest.fixture
def answers() -> ClassifierOutput:
    random = np.random.default_rng(1)
    truth = np.arange(ROWS) // 2 % 2
    shares = random.dirichlet([1, 1], ROWS) / 2 + np.eye(2)[truth] / 2
    return ClassifierOutput(("a", "b"), truth, shares.argmax(axis=1), shares, np.arange(ROWS) // 2)


def test_a_classifier_in_each_subgroup(answers: ClassifierOutput) -> None:
    fewest = MIN_GROUPS - 1
    sites = np.where(np.arange(ROWS) < 2 * fewest, "small", "large")
    table = class_subgroups(answers, scans(institution=sites), 1).set_index("value")
    assert table["scans"].to_dict() == {"large": ROWS - 2 * fewest, "small": 2 * fewest}
    assert table["groups"].to_dict() == {"large": ROWS // 2 - fewest, "small": fewest}
    assert table["few"].to_dict() == {"large": False, "small": True}
    for site in ("large", "small"):
        own = sites == site
        right = (answers.truth == answers.predicted)[own].mean()
        assert table.loc[site, "accuracy"] == pytest.approx(right)
    assert table.loc["large", "accuracy_low"] <= table.loc["large", "accuracy"]
    assert table.filter(regex="_low|_high").loc["small"].isna().all()
    assert np.isfinite(table.loc["small", "auroc"])


def test_a_subgroup_of_one_class_has_no_area(answers: ClassifierOutput) -> None:
    kinds = np.where(answers.truth == 0, "x", "y")
    table = class_subgroups(answers, scans(source=kinds), 1)
    assert table["auroc"].isna().all()
    assert table["accuracy"].notna().all()


def test_no_subgroups_make_a_table_with_columns_alone(answers: ClassifierOutput) -> None:
    table = class_subgroups(answers, scans(), 1)
    assert len(table) == 0
    assert {"column", "value", "scans", "groups", "few", "auroc_high"} <= set(table)


def test_a_patient_counts_with_the_slices_in_the_subgroup() -> None:
    """Twelve patients, each hit wholly in the axial slices and missed in the others."""
    patients = np.repeat([f"p{at}" for at in range(12)], 4)
    planes = np.tile(["axial", "axial", "coronal", "coronal"], 12)
    hit = (planes == "axial").astype(int)
    slices = pd.DataFrame(
        {
            "patient": patients,
            "overlap": 5 * hit,
            "predicted": 5,
            "truth": 5,
            "baseline_overlap": 0,
            "baseline_predicted": 0,
        }
    )
    facts = pd.DataFrame({"plane": planes, "width": 9, "height": 9})
    table = mask_subgroups(slices, facts, 1).set_index("value")
    assert table["patients"].tolist() == [12, 12]
    assert table["slices"].tolist() == [24, 24]
    assert table["dice_patient_mean"].to_dict() == {"axial": 1, "coronal": 0}
    assert table["baseline_dice_patient_mean"].tolist() == [0, 0]
    assert table["dice_patient_mean_low"].notna().all()
    few = mask_subgroups(slices[:8], facts[:8], 1)
    assert few["few"].all()
    assert few["dice_patient_mean_low"].isna().all()
