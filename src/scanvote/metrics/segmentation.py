"""How good a segmentation is, from its masks.

The rule for empty masks: two empty masks agree, Dice 1; one empty mask beside a
mask with pixels is a miss, Dice 0.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scanvote.predictions import decode_mask

EMPTY_RULE = "both masks empty: Dice 1; only one empty: Dice 0"


def dice_of(overlap: ArrayLike, predicted: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Dice from numbers of pixels, elementwise; both empty: 1."""
    both = np.asarray(predicted, float) + np.asarray(truth, float)
    return np.where(both > 0, 2 * np.asarray(overlap) / np.where(both > 0, both, 1), 1.0)


def count_pixels(masks: np.ndarray, truths: np.ndarray) -> pd.DataFrame:
    """Pixels of each slice, of bool masks (n, H, W): `overlap, predicted, truth, pixels`."""
    axes = (1, 2)
    return pd.DataFrame(
        {
            "overlap": (masks & truths).sum(axis=axes),
            "predicted": masks.sum(axis=axes),
            "truth": truths.sum(axis=axes),
            "pixels": masks[0].size,
        }
    )


def slice_counts(table: pd.DataFrame) -> pd.DataFrame:
    """`count_pixels` of the rows of `predictions.csv`, with `scan_id`, `patient` and `dice`."""
    rows = []
    for row in table.itertuples():
        mask, truth = (
            decode_mask(str(code), int(row.height), int(row.width))  # type: ignore[arg-type]
            for code in (row.predicted, row.truth)
        )
        rows.append(count_pixels(mask[None], truth[None]))
    counts = pd.concat(rows, ignore_index=True)
    counts["dice"] = dice_of(counts["overlap"], counts["predicted"], counts["truth"])
    return counts.assign(scan_id=table["scan_id"].array, patient=table["patient"].array)


def patient_counts(slices: pd.DataFrame) -> pd.DataFrame:
    """A row a patient, sorted by name: pixels of all slices together, and their Dice."""
    pixels = slices.groupby("patient")[["overlap", "predicted", "truth", "pixels"]].sum()
    pixels["slices"] = slices.groupby("patient").size()
    pixels["dice"] = dice_of(pixels["overlap"], pixels["predicted"], pixels["truth"])
    return pixels.reset_index()


def evaluate_masks(slices: pd.DataFrame) -> dict[str, float]:
    """Flat metrics: Dice a patient and a slice, pixels, and tumour slices found."""
    patients = patient_counts(slices)
    tumour = slices["truth"] > 0
    found = slices["predicted"] > 0
    return {
        "dice_patient_mean": float(patients["dice"].mean()),
        "dice_patient_median": float(patients["dice"].median()),
        "dice_slice_mean": float(slices["dice"].mean()),
        "dice_tumour_slice_mean": float(slices.loc[tumour, "dice"].mean()),
        "pixel_accuracy": _pixel_accuracy(slices),
        "pixel_sensitivity": float(slices["overlap"].sum() / max(slices["truth"].sum(), 1)),
        "slice_sensitivity": float(found[tumour].mean()),
        "slice_specificity": float((~found[~tumour]).mean()),
    }


def all_empty(slices: pd.DataFrame) -> pd.DataFrame:
    """The counts of the predictor that never marks a pixel: what a figure must beat."""
    empty = slices.assign(overlap=0, predicted=0)
    empty["dice"] = dice_of(empty["overlap"], empty["predicted"], empty["truth"])
    return empty


def _pixel_accuracy(slices: pd.DataFrame) -> float:
    wrong = slices["predicted"] + slices["truth"] - 2 * slices["overlap"]
    return float(1 - wrong.sum() / slices["pixels"].sum())
