"""Shortcut probes on scans whose shortcut is known: told by what has it, and by nothing else."""

import numpy as np
import pandas as pd
import pytest

from scanvote.pipeline.inflation import shortcuts as module
from scanvote.pipeline.inflation.shortcuts import Parts, measure, shortcut_metrics, shortcuts

FOLDS = 3


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TREES", 10)


def scan(random: np.random.Generator, border: int | None = None, side: int = 48) -> np.ndarray:
    """Noise, in a frame of one value where `border` says so."""
    image = random.integers(0, 256, (side, side), np.uint8)
    if border is not None:
        inner = image[6:-6, 6:-6].copy()
        image[:] = border
        image[6:-6, 6:-6] = inner
    return np.repeat(image[..., None], 3, axis=2)


def manifest(labels: list[str], **facts: object) -> pd.DataFrame:
    """A group of two scans of each class, one after the other."""
    rows = pd.DataFrame({"label": labels, "source": "one", **facts})
    return rows.assign(group=np.arange(len(rows)) // 2)


def told(scans: pd.DataFrame, images: list[np.ndarray]) -> pd.DataFrame:
    measured = np.stack([measure(image) for image in images])
    return shortcuts(scans, measured, folds(scans), 1)


def folds(scans: pd.DataFrame) -> list[Parts]:
    fold = scans["group"] // 2 % FOLDS
    return [(scans.index[fold != one], scans.index[fold == one]) for one in range(FOLDS)]


def row(table: pd.DataFrame, features: str, target: str = "class") -> "pd.Series[float]":
    found = table[(table["target"] == target) & (table["features"] == features)]
    return found[found["probe"] == "forest"].iloc[0]


LABELS = ["ant", "ant", "bee", "bee"] * 15


def test_a_class_that_differs_by_its_border_is_told_by_it_and_not_by_size() -> None:
    random = np.random.default_rng(0)
    images = [scan(random, 40 if label == "ant" else 200) for label in LABELS]
    table = told(manifest(LABELS), images)
    for features in ("border", "border_pixels", "all"):
        assert row(table, features)["balanced_accuracy_low"] > 0.5, features
        assert row(table, features)["sensitivity_ant"] > 0.9
    linear = table[table["probe"] == "linear"].iloc[0]
    assert (linear["features"], linear["balanced_accuracy"]) == ("border_pixels", 1.0)
    assert row(table, "size")["balanced_accuracy"] == pytest.approx(0.5, abs=0.2)
    assert row(table, "size")["chance_balanced_accuracy"] == 0.5
    assert row(table, "size")["chance_macro_f1"] == pytest.approx(1 / 3)


def test_a_class_that_differs_by_its_size_is_told_by_it_and_not_by_its_border() -> None:
    random = np.random.default_rng(0)
    images = [scan(random, 90, 48 if label == "ant" else 64) for label in LABELS]
    table = told(manifest(LABELS), images)
    assert row(table, "size")["balanced_accuracy"] == 1.0
    assert row(table, "border")["balanced_accuracy_low"] <= 0.5


def test_scans_without_a_shortcut_stay_at_chance() -> None:
    random = np.random.default_rng(3)
    labels = LABELS * 2
    table = told(manifest(labels), [scan(random) for _ in labels])
    for features in ("size", "border", "intensity", "border_pixels", "all"):
        found = row(table, features)
        assert found["balanced_accuracy_low"] <= 0.5 <= found["balanced_accuracy_high"] + 0.05
    assert set(table["target"]) == {"class"}, "of one source there is nothing to tell"
    names = ["shortcut_all_balanced_accuracy" + end for end in ("", "_low", "_high")]
    assert list(shortcut_metrics(table)) == names


def test_a_source_is_told_and_tells_the_class() -> None:
    random = np.random.default_rng(0)
    source = ["here" if label == "ant" else "there" for label in LABELS]
    images = [scan(random, None, 48 if one == "here" else 40) for one in source]
    table = told(manifest(LABELS, source=source), images)
    assert row(table, "source")["balanced_accuracy"] == 1.0
    assert row(table, "size", "source")["sensitivity_there"] == 1.0
    assert np.isnan(row(table, "size", "source")["sensitivity_ant"])
    assert shortcut_metrics(table)["shortcut_source_balanced_accuracy"] > 0.9


def test_an_origin_that_is_known_of_some_scans_is_a_source() -> None:
    random = np.random.default_rng(0)
    known = ["ant" if label == "ant" else "" for label in LABELS]
    images = [scan(random, 0 if label == "ant" else None) for label in LABELS]
    table = told(manifest(LABELS, source_label=known), images)
    assert row(table, "border", "source")["sensitivity_known"] == 1.0
    assert row(table, "border", "source")["sensitivity_unknown"] == 1.0


def test_a_source_of_a_single_group_stops_nothing() -> None:
    random = np.random.default_rng(0)
    source = ["there"] * 2 + ["here"] * (len(LABELS) - 2)
    table = told(manifest(LABELS, source=source), [scan(random) for _ in LABELS])
    assert row(table, "all", "source")["sensitivity_there"] == 0
    assert "shortcut_source_balanced_accuracy_low" not in shortcut_metrics(table)


def test_the_same_again() -> None:
    random = np.random.default_rng(0)
    images, scans = [scan(random) for _ in LABELS], manifest(LABELS)
    pd.testing.assert_frame_equal(told(scans, images), told(scans, images))


@pytest.mark.parametrize("side", [1, 7, 300])
def test_any_image_is_measured(side: int) -> None:
    found = measure(np.full((side, 2 * side, 3), 9, np.uint8))
    assert found[:5].tolist() == [2 * side, side, 9, 0, 9]
    assert set(found[5:]) == {9}
