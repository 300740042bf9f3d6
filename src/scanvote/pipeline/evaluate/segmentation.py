"""Evaluation of the segmentation: the U-Net beside a baseline without learning."""

from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.arrays import load_images
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.manifest import read_manifest
from scanvote.metrics.bootstrap import too_few
from scanvote.metrics.comparisons import rounded_p
from scanvote.metrics.intervals import with_intervals
from scanvote.metrics.performance import write_performance
from scanvote.metrics.segmentation import (
    empty_prediction_baseline,
    evaluate_masks,
    mean_difference,
    measure,
    patient_intervals,
)
from scanvote.params import Params
from scanvote.pipeline.evaluate import segmentation_figures
from scanvote.pipeline.evaluate.inputs import test_scans
from scanvote.pipeline.evaluate.performance import segmentation_performance
from scanvote.pipeline.evaluate.subgroups import mask_subgroups
from scanvote.predictions import decode_mask, read_predictions
from scanvote.splits.known_patients import KnownPatients

Measured = tuple[pd.DataFrame, pd.DataFrame]
"""A table with a row for each slice, and one with a row for each patient."""

_CHIEF = ("dice_patient_mean", "dice_patient_median", "iou_patient_mean")
_BASELINE_METRICS = (
    *_CHIEF,
    "dice_slice_mean",
    "pixel_accuracy",
    "slice_sensitivity",
    "slice_specificity",
)


def evaluate_segmentation(
    predictions: Path, baseline: Path, prepared: Path, params: Params, out: Path
) -> dict[str, float]:
    """Evaluate the U-Net on the test split, beside two baselines.

    These are the stage `baseline`, and a baseline that marks nothing. Writes to `out`:
    ``patients.csv`` and ``slices.csv``, with all metrics of the U-Net and the Dice of the baseline;
    ``models.csv``, a row for each model; ``subgroups.csv``; ``performance.json``, the summary that
    stands wherever the model answers; ``dice_by_patient.png``, ``dice_by_size.png``, ``areas.png``
    and ``masks.png``.

    Args:
        predictions: `models/unet`.
        baseline: `models/baseline`.
        prepared: `data/prepared/segmentation`.
        params: the whole of params.yaml.
        out: `metrics/evaluate/segmentation`.

    Returns:
        Flat metrics of the U-Net, those of patients with ``_low`` and ``_high``; ``baseline_…`` and
        ``empty_…`` of the others; ``difference_…``, the U-Net less the baseline, paired, and
        `wilcoxon_p`; `distances_in_mm`, 1, or 0 if they are in pixels; numbers of patients and
        slices, and of slices with a known patient.

    Raises:
        InputError: an input is missing, or a slice is no test scan.
    """
    table, other = (_test_rows(folder) for folder in (predictions, baseline))
    known_patients = KnownPatients.of(read_manifest(prepared / "manifest.csv"))
    tolerance = params.evaluate.tolerance
    measured = {
        "unet": measure(table, tolerance),
        "baseline": measure(other, tolerance),
        "empty": measure(empty_prediction_baseline(table), tolerance),
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
    write_csv(_subgroups(measured, prepared, params.seed).round(6), out / "subgroups.csv")
    models = pd.DataFrame([{"model": n, "unit": unit, **score} for n, score in scores.items()])
    write_csv(models.round(6), out / "models.csv")
    by_patient = {name: one[1] for name, one in measured.items()}
    performance = segmentation_performance(
        by_patient, scores["unet"], len(slices), known_patients, params.seed
    )
    write_performance(performance, out)
    segmentation_figures.dice_figure(
        patients, performance.dice, known_patients.short(), out / "dice_by_patient.png"
    )
    _draw(table, slices, patients, prepared, params, out)
    metrics = {
        **scores["unet"],
        **_baseline_metrics("baseline", scores["baseline"]),
        **_baseline_metrics("empty", scores["empty"]),
        **_difference(patients, params.seed),
    }
    return {
        **{name: round(value, 6) for name, value in metrics.items()},
        "wilcoxon_p": rounded_p(metrics["wilcoxon_p"]),
        "distances_in_mm": int(unit == "mm"),
        "test_patients": len(patients),
        "test_slices": len(slices),
        **known_patients.test_metrics(),
    }


def _test_rows(folder: Path) -> pd.DataFrame:
    """Return the test rows by scan; those of two models then correspond.

    Raises:
        InputError: there is none, or it holds no masks.
    """
    path = folder / "predictions.csv"
    table = read_predictions(path)
    test: pd.DataFrame = table[table["split"] == "test"].sort_values("scan_id")
    if test.empty or "truth" not in test:
        raise InputError(f"{path} has no masks of the test split; run `dvc repro evaluate`")
    return test.reset_index(drop=True)


def _baseline_metrics(name: str, scores: dict[str, float]) -> dict[str, float]:
    wanted = [
        *_BASELINE_METRICS,
        *(f"{chief}{end}" for chief in _CHIEF for end in ("_low", "_high")),
    ]
    return {f"{name}_{key}": scores[key] for key in wanted}


def _difference(patients: pd.DataFrame, seed: int) -> dict[str, float]:
    """Return the paired difference of the patients' mean Dice, with a test.

    The interval and p are NaN with too few patients.
    """
    one, other = (patients[name].to_numpy(float) for name in ("dice", "baseline_dice"))
    named = {"difference_dice_patient_mean": mean_difference(one, other, seed)}
    p = float("nan") if too_few(len(one)) else wilcoxon(one - other)
    return {**with_intervals(named), "wilcoxon_p": p}


def wilcoxon(differences: np.ndarray) -> float:
    """Return the two-sided p value of Wilcoxon's signed-rank test (1945).

    Patients without a difference are ranked, and then left out (Pratt 1959); 1 if no patient has
    one. The test is exact for few patients, by permutation of the signs if there are ties.

    Args:
        differences: (n,), of the patients.
    """
    from scipy.stats import wilcoxon as test

    if not differences.any():
        return 1.0
    return float(test(differences, zero_method="pratt").pvalue)


def _subgroups(measured: dict[str, Measured], prepared: Path, seed: int) -> pd.DataFrame:
    slices, other = measured["unet"][0], measured["baseline"][0]
    both = slices.assign(baseline_overlap=other["overlap"], baseline_predicted=other["predicted"])
    return mask_subgroups(both, test_scans(prepared, slices["scan_id"]), seed)


def _draw(
    table: pd.DataFrame,
    slices: pd.DataFrame,
    patients: pd.DataFrame,
    prepared: Path,
    params: Params,
    out: Path,
) -> None:
    segmentation_figures.size_figure(patients, out / "dice_by_size.png")
    segmentation_figures.areas_figure(patients, out / "areas.png")
    selected = examples(slices, patients, columns=max(1, params.evaluate.gallery // 3))
    rows = table.loc[selected.index]
    truths, masks = (
        np.stack([decode_mask(r[which], r["height"], r["width"]) for _, r in rows.iterrows()])
        for which in ("truth", "predicted")
    )
    images = load_images(prepared, "test", rows["scan_id"].tolist())
    segmentation_figures.contours(images, truths, masks, selected, out / "masks.png")


def examples(slices: pd.DataFrame, patients: pd.DataFrame, columns: int) -> pd.DataFrame:
    """Select example slices of the best, median and worst patient.

    They are those with the patient's largest tumour areas.

    The column `place` is 'best', 'median' or 'worst'. Slices are in the order of the scans. Two
    empty masks show nothing, so patients without a tumour are used only if there are no others.
    """
    with_tumour = patients[patients["truth"] > 0]
    ranking = (with_tumour if len(with_tumour) else patients).sort_values(
        ["dice", "patient"], ascending=[False, True]
    )
    ranked = ranking["patient"].tolist()
    # with fewer than three patients, later entries replace earlier ones: each patient appears once
    places = {0: "best", len(ranked) // 2: "median", len(ranked) - 1: "worst"}
    parts = []
    for at, place in places.items():
        own = slices[slices["patient"] == ranked[at]]
        largest = own.sort_values(["truth", "scan_id"], ascending=[False, True]).head(columns)
        parts.append(largest.sort_values("scan_id").assign(place=place))
    return pd.DataFrame(pd.concat(parts))
