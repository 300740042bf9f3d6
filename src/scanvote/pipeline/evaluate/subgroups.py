"""The test by institution, source, grade, plane…: where a model is worse than its mean says.

Subgroups are looked at, not tested: with so many of them some differ by chance. One of few groups
is given without an interval, as so few could not carry it.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.metrics.bootstrap import estimates
from scanvote.metrics.intervals import ENDS, chosen, with_intervals
from scanvote.metrics.resampled import bootstrap, confusion_metrics, ranking_metrics
from scanvote.metrics.results import ClassifierOutput
from scanvote.metrics.segmentation import dice_figures, dice_of

FEW = 10
"""Groups below which there is no interval."""
UNKNOWN = "unknown"
CLASS_FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")
MASK_FIGURES = ("dice_patient_mean", "dice_patient_median")

_PLAIN = ("institution", "source", "grade", "plane", "contrast", "sex")
_BANDS: dict[str, dict[str, float]] = {
    "age": {"below 18": 18, "18 to 39": 40, "40 to 59": 60, "60 and above": np.inf},
    "image_size": {"up to 256": 257, "257 to 512": 513, "above 512": np.inf},
}
"""By column the names of its bands, and where the next one begins; pixels of the longer side."""


def class_subgroups(answers: ClassifierOutput, scans: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Figures of a classifier in each subgroup.

    Args:
        answers: of n scans.
        scans: their n rows of the manifest, in the same order.
        seed: of the intervals.

    Returns:
        `column, value, scans, groups, few`, and accuracy, balanced_accuracy, macro_f1 and auroc
        with `_low` and `_high`, NaN where there are fewer than `FEW` groups. AUROC is NaN where
        the subgroup lacks a class; the balanced accuracy is the mean over those it has; in the
        macro F1 a class that is not there counts 0.
    """
    rows = []
    for column, value, inside in subgroups(scans):
        part = answers.subset(inside)
        figures = bootstrap({value: part}, seed, (confusion_metrics, ranking_metrics))[value]
        found = with_intervals(chosen(figures, CLASS_FIGURES))
        rows.append(
            _row(column, value, "scans", int(inside.sum()), "groups", part.group_count, found)
        )
    names = [f"{name}{end}" for name in CLASS_FIGURES for end in ENDS]
    return pd.DataFrame(rows, columns=["column", "value", "scans", "groups", "few", *names])


def mask_subgroups(slices: pd.DataFrame, scans: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Dice of the patients in each subgroup, of those of their slices that lie in it.

    Args:
        slices: a row a slice, as of `evaluate_masks`: `patient, overlap, predicted, truth`, and
            of the baseline `baseline_overlap, baseline_predicted`.
        scans: their rows of the manifest, in the same order.
        seed: of the intervals.

    Returns:
        `column, value, slices, patients, few`, the mean and the median Dice of the patients with
        `_low` and `_high`, NaN where there are fewer than `FEW` patients, and the baseline's mean.
    """
    rows = []
    for column, value, inside in subgroups(scans):
        sums = slices[inside].groupby("patient").sum(numeric_only=True)
        dice = dice_of(sums["overlap"], sums["predicted"], sums["truth"])
        other = dice_of(sums["baseline_overlap"], sums["baseline_predicted"], sums["truth"])
        found = with_intervals(estimates(partial(dice_figures, dice), len(dice), seed))
        found["baseline_dice_patient_mean"] = float(other.mean())
        rows.append(_row(column, value, "slices", int(inside.sum()), "patients", len(dice), found))
    names = [f"{name}{end}" for name in MASK_FIGURES for end in ENDS]
    columns = ["column", "value", "slices", "patients", "few", *names]
    return pd.DataFrame(rows, columns=[*columns, "baseline_dice_patient_mean"])


def subgroups(scans: pd.DataFrame) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Each subgroup: of what, its value, and (n,) which scans are in it.

    Args:
        scans: n rows of a manifest. A column that it lacks, or in which all scans are alike, makes
            no subgroups.
    """
    for column, values in _columns(scans).items():
        if values.nunique() > 1:
            known = sorted(set(values) - {UNKNOWN})
            for value in [*_BANDS.get(column, known), UNKNOWN]:
                inside = (values == value).to_numpy()
                if inside.any():
                    yield column, value, inside


def _columns(scans: pd.DataFrame) -> dict[str, "pd.Series[str]"]:
    found = {
        name: scans[name].where(scans[name] != "", UNKNOWN) for name in _PLAIN if name in scans
    }
    numbers = {"image_size": scans[["width", "height"]].max(axis=1)}
    if "age" in scans:
        numbers["age"] = pd.to_numeric(scans["age"], errors="coerce")
    return found | {name: _banded(numbers[name], _BANDS[name]) for name in sorted(numbers)}


def _banded(numbers: "pd.Series[float]", bands: dict[str, float]) -> "pd.Series[str]":
    places = np.searchsorted(list(bands.values()), numbers.to_numpy(float), side="right")
    # an age that is not known is sorted behind all bands
    return pd.Series(np.array([*bands, UNKNOWN])[places])


def _row(
    column: str,
    value: str,
    of: str,
    count: int,
    by: str,
    groups: int,
    figures: dict[str, float],
) -> dict[str, object]:
    few = groups < FEW
    kept = {
        name: np.nan if few and name.endswith(ENDS[1:]) else figure
        for name, figure in figures.items()
    }
    return {"column": column, "value": value, of: count, by: groups, "few": few, **kept}
