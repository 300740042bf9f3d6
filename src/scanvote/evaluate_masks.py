"""evaluate: the test split of the segmentation: the U-Net beside the baseline without learning."""

from pathlib import Path

import numpy as np
import pandas as pd

from scanvote import mask_figures
from scanvote.arrays import images_of
from scanvote.files import write_csv
from scanvote.metrics.segmentation import (
    all_empty,
    evaluate_masks,
    measure,
    patient_intervals,
    redrawn,
    weighted_mean,
)
from scanvote.params import Params
from scanvote.predictions import decode_mask, read_predictions
from scanvote.statistics import interval

Measured = tuple[pd.DataFrame, pd.DataFrame]
"""A table a slice, and one a patient."""

_CHIEF = ("dice_patient_mean", "dice_patient_median", "iou_patient_mean")
_BESIDE = (*_CHIEF, "dice_slice_mean", "pixel_accuracy", "slice_sensitivity", "slice_specificity")


def evaluate_segmentation(
    predictions: Path, baseline: Path, prepared: Path, params: Params, out: Path
) -> dict[str, float]:
    """Evaluate the U-Net on the test split, beside the baseline and who marks nothing.

    Writes to `out`: ``patients.csv`` and ``slices.csv``, with every figure of the U-Net and the
    Dice of the baseline; ``models.csv``, a model a row; ``dice_by_patient.png``,
    ``dice_by_size.png``, ``areas.png`` and ``masks.png``.

    Args:
        predictions: `models/unet`.
        baseline: `models/baseline`.
        prepared: `data/prepared/segmentation`.
        params: the whole of params.yaml.
        out: `metrics/evaluate/segmentation`.

    Returns:
        Flat metrics of the U-Net, those of a patient with ``_low`` and ``_high``; ``baseline_…``
        and ``empty_…`` of the others; ``difference_…``, the U-Net less the baseline, paired;
        whether distances are in mm, 1, or in pixels, 0; numbers of patients and slices.
    """
    table, other = (_test_rows(folder) for folder in (predictions, baseline))
    tolerance = params.evaluate.tolerance
    measured = {
        "unet": measure(table, tolerance),
        "baseline": measure(other, tolerance),
        "empty": measure(all_empty(table), tolerance),
    }
    scores = {
        name: evaluate_masks(*one) | patient_intervals(one[1], params.seed)
        for name, one in measured.items()
    }
    slices, patients = (
        one.assign(baseline_dice=two["dice"])
        for one, two in zip(measured["unet"], measured["baseline"], strict=True)
    )
    write_csv(slices.round(6), out / "slices.csv")
    write_csv(patients.round(6), out / "patients.csv")
    unit = str(patients["unit"].iloc[0])
    models = pd.DataFrame([{"model": n, "unit": unit, **score} for n, score in scores.items()])
    write_csv(models.round(6), out / "models.csv")
    _figures(table, slices, patients, prepared, params, out)
    found = {
        **scores["unet"],
        **_beside("baseline", scores["baseline"]),
        **_beside("empty", scores["empty"]),
        **_difference(patients, params.seed),
    }
    return {
        **{name: round(value, 6) for name, value in found.items()},
        "distances_in_mm": int(unit == "mm"),
        "test_patients": len(patients),
        "test_slices": len(slices),
    }


def _test_rows(folder: Path) -> pd.DataFrame:
    """By scan, so that two models' rows stand beside each other."""
    table = read_predictions(folder / "predictions.csv")
    test: pd.DataFrame = table[table["split"] == "test"].sort_values("scan_id")
    return test.reset_index(drop=True)


def _beside(name: str, scores: dict[str, float]) -> dict[str, float]:
    wanted = [*_BESIDE, *(f"{chief}{end}" for chief in _CHIEF for end in ("_low", "_high"))]
    return {f"{name}_{key}": scores[key] for key in wanted}


def _difference(patients: pd.DataFrame, seed: int) -> dict[str, float]:
    """Of the patients' mean Dice, in the same draws."""
    apart = (patients["dice"] - patients["baseline_dice"]).to_numpy(float)
    low, high = interval(redrawn(apart, weighted_mean, seed))
    name = "difference_dice_patient_mean"
    return {name: float(apart.mean()), f"{name}_low": low, f"{name}_high": high}


def _figures(
    table: pd.DataFrame,
    slices: pd.DataFrame,
    patients: pd.DataFrame,
    prepared: Path,
    params: Params,
    out: Path,
) -> None:
    mask_figures.dice_figure(patients, out / "dice_by_patient.png")
    mask_figures.size_figure(patients, out / "dice_by_size.png")
    mask_figures.areas_figure(patients, out / "areas.png")
    shown = examples(slices, patients, columns=max(1, params.evaluate.gallery // 3))
    rows = table.loc[shown.index]
    truths, masks = (
        np.stack([decode_mask(r[which], r["height"], r["width"]) for _, r in rows.iterrows()])
        for which in ("truth", "predicted")
    )
    images = images_of(prepared, "test", rows["scan_id"].tolist())
    mask_figures.contours(images, truths, masks, shown, out / "masks.png")


def examples(slices: pd.DataFrame, patients: pd.DataFrame, columns: int) -> pd.DataFrame:
    """Slices of the best, the median and the worst patient, where their tumour is largest.

    With `place`, the patient's in words; in the order of the scans. Two empty masks show nothing,
    so patients without a tumour stand back where there are others.
    """
    sick = patients[patients["truth"] > 0]
    ranking = (sick if len(sick) else patients).sort_values(
        ["dice", "patient"], ascending=[False, True]
    )
    ranked = ranking["patient"].tolist()
    # of two patients none is shown twice
    places = {0: "best", len(ranked) // 2: "median", len(ranked) - 1: "worst"}
    parts = []
    for at, place in places.items():
        own = slices[slices["patient"] == ranked[at]]
        largest = own.sort_values(["truth", "scan_id"], ascending=[False, True]).head(columns)
        parts.append(largest.sort_values("scan_id").assign(place=place))
    return pd.DataFrame(pd.concat(parts))
