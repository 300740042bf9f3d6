"""How good a segmentation is, from its masks: pixels, distances, areas, slices and patients.

The rule for empty masks: two empty masks agree, every share is 1 and the distance 0; one empty
mask beside a mask with pixels is a miss, every share is 0 and the distance the image's diagonal.
The distance of a patient is that of the slices where both masks have pixels, if there are any: the
others are counted by the surface Dice, which has their outlines too, and as slices found or not.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from scanvote.metrics.bootstrap import Sampled, estimates
from scanvote.metrics.intervals import with_intervals
from scanvote.metrics.surface_distances import distances, hausdorff_95, surface_dice
from scanvote.predictions import decode_mask

EMPTY_RULE = "both masks empty: Dice 1; only one empty: Dice 0"

_COUNTS = ["overlap", "predicted", "truth", "pixels"]
_AREAS = ["predicted_area", "truth_area"]
Floats = NDArray[np.float64]
Ways = tuple[Floats, Floats]
"""Distances from the predicted outline to the true one, and back."""


def share(part: ArrayLike, whole: ArrayLike, union: ArrayLike) -> Floats:
    """`part` of `whole`, elementwise; 1 where there is no pixel in either mask, else 0 of none."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    shares = part / np.where(whole > 0, whole, 1)
    return np.where(np.asarray(union) > 0, shares, 1.0)


def dice_of(overlap: ArrayLike, predicted: ArrayLike, truth: ArrayLike) -> Floats:
    """Dice from numbers of pixels, elementwise; both empty: 1."""
    both = np.asarray(predicted, float) + np.asarray(truth, float)
    return share(2 * np.asarray(overlap, float), both, both)


def count_pixels(mask: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    """Pixels of both, of `mask` and of `truth`, of a slice, bool (H, W)."""
    return int((mask & truth).sum()), int(mask.sum()), int(truth.sum())


def patient_dice(counts: ArrayLike, patients: Sequence[str]) -> Floats:
    """(patients, …): the Dice of each patient's slices together, by name.

    Args:
        counts: int (slices, …, 3), of `count_pixels`.
        patients: whose each slice is.
    """
    counts = np.asarray(counts)
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    whole = np.zeros((len(names), *counts.shape[1:]), int)
    np.add.at(whole, owner, counts)
    return dice_of(*np.moveaxis(whole, -1, 0))


def measure(table: pd.DataFrame, tolerance: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All figures of each slice and of each patient.

    Args:
        table: rows of `predictions.csv`.
        tolerance: of the surface Dice, in the unit of `table`, mm or px.

    Returns:
        A table a slice, with `scan_id` and `patient`, and one a patient, by name, with its number
        of `slices`: pixel counts, `dice, iou, precision, sensitivity`, `hd95` and
        `surface_dice`, areas and their `unit`. A patient's are those of all its slices together;
        its outlines lie in the slices, as the distance between slices is not known.
    """
    counts, ways = zip(*(_slice(row) for _, row in table.iterrows()), strict=True)
    slices = pd.DataFrame(list(counts))
    groups = slices.groupby("patient", sort=True)
    patients = groups[_COUNTS + _AREAS].sum()
    patients["unit"], patients["slices"] = groups["unit"].first(), groups.size()
    own = [[ways[row] for row in rows] for rows in groups.indices.values()]
    pooled, matched = map(_joined, own), map(_joined, map(_matched, own))
    return (
        _with_figures(slices, ways, ways, tolerance),
        _with_figures(patients.reset_index(), list(pooled), list(matched), tolerance),
    )


def _slice(row: pd.Series) -> tuple[dict[str, object], Ways]:
    mask, truth = (
        decode_mask(row[which], row["height"], row["width"]) for which in ("predicted", "truth")
    )
    spacing = (row["pixel_height"], row["pixel_width"])
    counts = dict(zip(_COUNTS, (*count_pixels(mask, truth), mask.size), strict=True))
    areas = {f"{which}_area": counts[which] * np.prod(spacing) for which in ("predicted", "truth")}
    named = {"scan_id": row["scan_id"], "patient": row["patient"], "unit": row["unit"]}
    return {**named, **counts, **areas}, distances(mask, truth, spacing)


def _matched(ways: list[Ways]) -> list[Ways]:
    """Of the slices where both masks have an outline; of all where there is no such slice."""
    return [one for one in ways if len(one[0]) and len(one[1])] or ways


def _joined(ways: list[Ways]) -> Ways:
    there, back = zip(*ways, strict=True)
    return np.concatenate(there), np.concatenate(back)


def _with_figures(
    table: pd.DataFrame, ways: Sequence[Ways], matched: Sequence[Ways], tolerance: float
) -> pd.DataFrame:
    overlap, predicted, truth = (table[name] for name in ("overlap", "predicted", "truth"))
    union = predicted + truth - overlap
    return table.assign(
        dice=dice_of(overlap, predicted, truth),
        iou=share(overlap, union, union),
        precision=share(overlap, predicted, union),
        sensitivity=share(overlap, truth, union),
        hd95=[hausdorff_95(*way) for way in matched],
        surface_dice=[surface_dice(*way, tolerance) for way in ways],
    )


def evaluate_masks(slices: pd.DataFrame, patients: pd.DataFrame) -> dict[str, float]:
    """Flat metrics of the tables of `measure`: a patient, a slice, a pixel, and slices found."""
    tumour, found = slices["truth"] > 0, slices["predicted"] > 0
    wrong = slices["predicted"] + slices["truth"] - 2 * slices["overlap"]
    return {
        "dice_patient_mean": float(patients["dice"].mean()),
        "dice_patient_median": float(patients["dice"].median()),
        "iou_patient_mean": float(patients["iou"].mean()),
        "hd95_patient_mean": float(patients["hd95"].mean()),
        "surface_dice_patient_mean": float(patients["surface_dice"].mean()),
        "dice_slice_mean": float(slices["dice"].mean()),
        "dice_tumour_slice_mean": float(slices.loc[tumour, "dice"].mean()),
        "pixel_accuracy": float(1 - wrong.sum() / slices["pixels"].sum()),
        "pixel_sensitivity": float(slices["overlap"].sum() / max(slices["truth"].sum(), 1)),
        "pixel_precision": float(slices["overlap"].sum() / max(slices["predicted"].sum(), 1)),
        "slice_sensitivity": float(found[tumour].mean()),
        "slice_specificity": float((~found[~tumour]).mean()),
    }


def patient_intervals(patients: pd.DataFrame, seed: int) -> dict[str, float]:
    """The patients' mean and median Dice and mean IoU, with 95 % intervals by bootstrap over them.

    Args:
        patients: of `measure`; in the same order for two models, whose samples are then the same.
        seed: of the samples.
    """
    dice, iou = (patients[name].to_numpy(float) for name in ("dice", "iou"))

    def figures(weights: Floats) -> dict[str, Floats]:
        return {**dice_figures(dice, weights), "iou_patient_mean": weighted_mean(iou, weights)}

    return with_intervals(estimates(figures, len(patients), seed))


def dice_figures(dice: Floats, weights: Floats) -> dict[str, Floats]:
    """Mean and median, each (b,), of the Dice of n patients that count as (n, b) says."""
    return {
        "dice_patient_mean": weighted_mean(dice, weights),
        "dice_patient_median": weighted_median(dice, weights),
    }


def mean_difference(one: Floats, other: Floats, seed: int) -> Sampled:
    """The mean of the first less that of the second, paired, of the same n patients, each (n,)."""

    def figures(weights: Floats) -> dict[str, Floats]:
        return {"one": weighted_mean(one, weights), "other": weighted_mean(other, weights)}

    found = estimates(figures, len(one), seed)
    return found["one"] - found["other"]


def weighted_mean(values: Floats, weights: Floats) -> Floats:
    """(b,) means of (n,) values that count as (n, b) says; NaN where none counts."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values @ weights / weights.sum(axis=0))


def weighted_median(values: Floats, weights: Floats) -> Floats:
    """(b,) medians of (n,) values that are there as often as (n, b) says; NaN where none is.

    Between the two middle values of an even number it is their mean.
    """
    order = np.argsort(values)
    upto = weights[order].cumsum(axis=0)
    total, there = upto[-1], upto[-1] > 0
    middle = [(upto <= place).sum(axis=0) * there for place in ((total - 1) // 2, total // 2)]
    return np.asarray(np.where(there, values[order][middle].mean(axis=0), np.nan))


def empty_prediction_baseline(table: pd.DataFrame) -> pd.DataFrame:
    """The predictions of who never marks a pixel: what a figure must beat."""
    return table.assign(predicted="")
