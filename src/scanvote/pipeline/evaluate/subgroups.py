"""Test results by institution, source, grade, plane and other properties.

They show where a model is worse than its mean. Subgroups are described, not tested: with so many of
them some differ by chance. A subgroup with few groups has no interval, because so few groups do not
support one.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.metrics.bootstrap import ENDS, estimates, too_few
from scanvote.metrics.intervals import chosen, with_intervals
from scanvote.metrics.resampled import bootstrap, confusion_metrics, ranking_metrics
from scanvote.metrics.results import ClassifierOutput
from scanvote.metrics.segmentation import dice_figures, dice_of

UNKNOWN = "unknown"
CLASS_METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")
MASK_METRICS = ("dice_patient_mean", "dice_patient_median")

_PLAIN = ("institution", "source", "grade", "plane", "contrast", "sex")
_BANDS: dict[str, dict[str, float]] = {
    "age": {"below 18": 18, "18 to 39": 40, "40 to 59": 60, "60 and above": np.inf},
    "image_size": {"up to 256": 257, "257 to 512": 513, "above 512": np.inf},
}
"""Bands by column: their names, and the start of the next band. The image size is that of the
longer side in pixels."""


def class_subgroups(output: ClassifierOutput, scans: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return metrics of a classifier in each subgroup.

    Args:
        output: of n scans.
        scans: their n rows of the manifest, in the same order.
        seed: seed of the intervals.

    Returns:
        `column, value, scans, groups, few`, and accuracy, balanced_accuracy, macro_f1 and auroc
        with `_low` and `_high`, NaN with too few groups (`few`: even of all). AUROC is NaN if a
        class is absent; the balanced accuracy is the mean over the present classes; in the macro
        F1 an absent class counts 0.
    """
    rows = []
    for column, value, inside in subgroups(scans):
        part = output.subset(inside)
        metrics = bootstrap({value: part}, seed, (confusion_metrics, ranking_metrics))[value]
        values = with_intervals(chosen(metrics, CLASS_METRICS))
        rows.append(
            _row(column, value, "scans", int(inside.sum()), "groups", part.group_count, values)
        )
    names = [f"{name}{end}" for name in CLASS_METRICS for end in ENDS]
    return pd.DataFrame(rows, columns=["column", "value", "scans", "groups", "few", *names])


def mask_subgroups(slices: pd.DataFrame, scans: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the patients' Dice in each subgroup, over its slices.

    Args:
        slices: a row for each slice, as of `evaluate_masks`: `patient, overlap, predicted, truth`,
            and `baseline_overlap, baseline_predicted` of the baseline.
        scans: their rows of the manifest, in the same order.
        seed: seed of the intervals.

    Returns:
        `column, value, slices, patients, few`, the mean and the median Dice of the patients with
        `_low` and `_high`, NaN with too few patients, and the baseline's mean.
    """
    rows = []
    for column, value, inside in subgroups(scans):
        sums = slices[inside].groupby("patient").sum(numeric_only=True)
        dice = dice_of(sums["overlap"], sums["predicted"], sums["truth"])
        other = dice_of(sums["baseline_overlap"], sums["baseline_predicted"], sums["truth"])
        values = with_intervals(estimates(partial(dice_figures, dice), len(dice), seed))
        values["baseline_dice_patient_mean"] = float(other.mean())
        rows.append(_row(column, value, "slices", int(inside.sum()), "patients", len(dice), values))
    names = [f"{name}{end}" for name in MASK_METRICS for end in ENDS]
    columns = ["column", "value", "slices", "patients", "few", *names]
    return pd.DataFrame(rows, columns=[*columns, "baseline_dice_patient_mean"])


def subgroups(scans: pd.DataFrame) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Yield each subgroup: column, value, and which scans belong to it, (n,).

    Args:
        scans: n rows of a manifest. A column that is missing, or has one value only, makes no
            subgroups.
    """
    for column, values in _columns(scans).items():
        if values.nunique() > 1:
            known = sorted(set(values) - {UNKNOWN})
            for value in [*_BANDS.get(column, known), UNKNOWN]:
                inside = (values == value).to_numpy()
                if inside.any():
                    yield column, value, inside


def _columns(scans: pd.DataFrame) -> dict[str, "pd.Series[str]"]:
    columns = {
        name: scans[name].where(scans[name] != "", UNKNOWN) for name in _PLAIN if name in scans
    }
    numbers = {"image_size": scans[["width", "height"]].max(axis=1)}
    if "age" in scans:
        numbers["age"] = pd.to_numeric(scans["age"], errors="coerce")
    return columns | {name: _banded(numbers[name], _BANDS[name]) for name in sorted(numbers)}


def _banded(numbers: "pd.Series[float]", bands: dict[str, float]) -> "pd.Series[str]":
    places = np.searchsorted(list(bands.values()), numbers.to_numpy(float), side="right")
    # NaN, an unknown age, is sorted after all bands
    return pd.Series(np.array([*bands, UNKNOWN])[places])


def _row(
    column: str,
    value: str,
    of: str,
    count: int,
    by: str,
    groups: int,
    metrics: dict[str, float],
) -> dict[str, object]:
    counts = {of: count, by: groups, "few": too_few(groups)}
    return {"column": column, "value": value, **counts, **metrics}
