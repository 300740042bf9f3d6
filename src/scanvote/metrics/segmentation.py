"""Metrics of a segmentation: pixels, distances, areas, slices and patients.

Rule for empty masks: two empty masks agree, so every share is 1 and the distance 0. One empty mask
beside a mask with pixels is a miss, so every share is 0 and the distance is the diagonal of the
image. The distance of a patient is that of the slices where both masks have pixels, if there are
any; the other slices are counted by the surface Dice, which includes their outlines, and by the
slice sensitivity and specificity.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from scanvote.metrics.bootstrap import BootstrapEstimate, estimates
from scanvote.metrics.intervals import with_intervals
from scanvote.metrics.surface_distances import distances, hausdorff_95, surface_dice
from scanvote.predictions import decode_mask

EMPTY_RULE = "both masks empty: Dice 1; only one empty: Dice 0"

_COUNTS = ["overlap", "predicted", "truth", "pixels"]
_AREAS = ["predicted_area", "truth_area"]
Floats = NDArray[np.float64]
OutlineDistances = tuple[Floats, Floats]
"""Distances from the predicted outline to the true one, and back."""


def share(part: ArrayLike, whole: ArrayLike, union: ArrayLike) -> Floats:
    """Return `part` / `whole` elementwise.

    1 if neither mask has a pixel (`union` is 0); else 0 if `whole` is 0.
    """
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    shares = part / np.where(whole > 0, whole, 1)
    return np.where(np.asarray(union) > 0, shares, 1.0)


def dice_of(overlap: ArrayLike, predicted: ArrayLike, truth: ArrayLike) -> Floats:
    """Return Dice from numbers of pixels, elementwise; both empty: 1."""
    both = np.asarray(predicted, float) + np.asarray(truth, float)
    return share(2 * np.asarray(overlap, float), both, both)


def count_pixels(mask: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    """Count the pixels of the overlap, of `mask` and of `truth`.

    Args:
        mask, truth: bool (H, W), of one slice.
    """
    return int((mask & truth).sum()), int(mask.sum()), int(truth.sum())


def patient_dice(counts: ArrayLike, patients: Sequence[str]) -> Floats:
    """Return the Dice of each patient's slices together, (patients, …), by name.

    Args:
        counts: int (slices, …, 3), of `count_pixels`.
        patients: the patient of each slice.
    """
    counts = np.asarray(counts)
    names, patient = np.unique(np.asarray(patients), return_inverse=True)
    sums = np.zeros((len(names), *counts.shape[1:]), int)
    np.add.at(sums, patient, counts)
    return dice_of(*np.moveaxis(sums, -1, 0))


def measure(table: pd.DataFrame, tolerance: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return all metrics of each slice and of each patient.

    Args:
        table: rows of `predictions.csv`.
        tolerance: of the surface Dice, in the unit of `table`, mm or px.

    Returns:
        A table with a row for each slice, with `scan_id` and `patient`, and one with a row for each
        patient, by name, with the number of `slices`. Both have pixel counts, `dice, iou,
        precision, sensitivity`, `hd95`, `surface_dice`, areas and their `unit`. The values of a
        patient are those of all slices together; outlines are taken in each slice, because the
        distance between slices is not known.
    """
    counts, outlines = zip(*(_slice(row) for _, row in table.iterrows()), strict=True)
    slices = pd.DataFrame(list(counts))
    groups = slices.groupby("patient", sort=True)
    patients = groups[_COUNTS + _AREAS].sum()
    patients["unit"], patients["slices"] = groups["unit"].first(), groups.size()
    own = [[outlines[row] for row in rows] for rows in groups.indices.values()]
    joined, matched = map(_join, own), map(_join, map(_with_both_outlines, own))
    return (
        _with_metrics(slices, outlines, outlines, tolerance),
        _with_metrics(patients.reset_index(), list(joined), list(matched), tolerance),
    )


def _slice(row: pd.Series) -> tuple[dict[str, object], OutlineDistances]:
    mask, truth = (
        decode_mask(row[which], row["height"], row["width"]) for which in ("predicted", "truth")
    )
    spacing = (row["pixel_height"], row["pixel_width"])
    counts = dict(zip(_COUNTS, (*count_pixels(mask, truth), mask.size), strict=True))
    areas = {f"{which}_area": counts[which] * np.prod(spacing) for which in ("predicted", "truth")}
    named = {"scan_id": row["scan_id"], "patient": row["patient"], "unit": row["unit"]}
    return {**named, **counts, **areas}, distances(mask, truth, spacing)


def _with_both_outlines(slices: list[OutlineDistances]) -> list[OutlineDistances]:
    """Keep slices with an outline in both masks, if any."""
    return [one for one in slices if len(one[0]) and len(one[1])] or slices


def _join(slices: list[OutlineDistances]) -> OutlineDistances:
    there, back = zip(*slices, strict=True)
    return np.concatenate(there), np.concatenate(back)


def _with_metrics(
    table: pd.DataFrame,
    outlines: Sequence[OutlineDistances],
    matched: Sequence[OutlineDistances],
    tolerance: float,
) -> pd.DataFrame:
    overlap, predicted, truth = (table[name] for name in ("overlap", "predicted", "truth"))
    union = predicted + truth - overlap
    return table.assign(
        dice=dice_of(overlap, predicted, truth),
        iou=share(overlap, union, union),
        precision=share(overlap, predicted, union),
        sensitivity=share(overlap, truth, union),
        hd95=[hausdorff_95(*both) for both in matched],
        surface_dice=[surface_dice(*both, tolerance) for both in outlines],
    )


def evaluate_masks(slices: pd.DataFrame, patients: pd.DataFrame) -> dict[str, float]:
    """Return flat metrics of patients, slices and pixels.

    `slices` and `patients` are the tables of `measure`.
    """
    tumour, marked = slices["truth"] > 0, slices["predicted"] > 0
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
        "slice_sensitivity": float(marked[tumour].mean()),
        "slice_specificity": float((~marked[~tumour]).mean()),
    }


def patient_intervals(patients: pd.DataFrame, seed: int) -> dict[str, float]:
    """Return the patients' Dice and IoU with 95 % intervals.

    These are mean and median Dice and mean IoU. The bootstrap draws patients.

    Args:
        patients: of `measure`; two models' tables in the same order have the same samples.
        seed: seed of the samples.
    """
    dice, iou = (patients[name].to_numpy(float) for name in ("dice", "iou"))

    def metrics(weights: Floats) -> dict[str, Floats]:
        return {**dice_figures(dice, weights), "iou_patient_mean": weighted_mean(iou, weights)}

    return with_intervals(estimates(metrics, len(patients), seed))


def dice_figures(dice: Floats, weights: Floats) -> dict[str, Floats]:
    """Return mean and median Dice of the patients, each (b,).

    Args:
        dice: (n,), of each patient.
        weights: (n, b), of each patient in b samples.
    """
    return {
        "dice_patient_mean": weighted_mean(dice, weights),
        "dice_patient_median": weighted_median(dice, weights),
    }


def mean_difference(one: Floats, other: Floats, seed: int) -> BootstrapEstimate:
    """Estimate the paired difference of two means over the same patients.

    Args:
        one, other: (n,), the values of the same n patients; `other` is subtracted.
        seed: seed of the samples.
    """

    def means(weights: Floats) -> dict[str, Floats]:
        return {"one": weighted_mean(one, weights), "other": weighted_mean(other, weights)}

    estimated = estimates(means, len(one), seed)
    return estimated["one"] - estimated["other"]


def weighted_mean(values: Floats, weights: Floats) -> Floats:
    """Return means, (b,), of (n,) values with weights (n, b).

    NaN where all weights are 0.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(values @ weights / weights.sum(axis=0))


def weighted_median(values: Floats, weights: Floats) -> Floats:
    """Return medians, (b,), of (n,) values with counts (n, b).

    NaN where all counts are 0. With an even number of values, it is the mean of the two
    middle ones.
    """
    order = np.argsort(values)
    upto = weights[order].cumsum(axis=0)
    total, any_value = upto[-1], upto[-1] > 0
    ranks = [(upto <= place).sum(axis=0) * any_value for place in ((total - 1) // 2, total // 2)]
    return np.asarray(np.where(any_value, values[order][ranks].mean(axis=0), np.nan))


def empty_prediction_baseline(table: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of a baseline that never marks a pixel."""
    return table.assign(predicted="")
