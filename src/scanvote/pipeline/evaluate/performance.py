"""Performance of the vote and of the masks, from their metrics on the test split."""

from collections.abc import Mapping

import pandas as pd

from scanvote.metrics.bootstrap import BootstrapEstimate
from scanvote.metrics.comparisons import BASELINE
from scanvote.metrics.performance import (
    ClassificationPerformance,
    Estimate,
    SegmentationPerformance,
    verdict,
)
from scanvote.metrics.results import ClassifierOutput
from scanvote.metrics.segmentation import mean_difference
from scanvote.splits.known_patients import KnownPatients


def classification_performance(
    outputs: Mapping[str, ClassifierOutput],
    metrics: Mapping[str, Mapping[str, BootstrapEstimate]],
    known: KnownPatients,
) -> ClassificationPerformance:
    """Summarise the vote.

    Args:
        outputs: of the vote, and of the baseline that names the most frequent class.
        metrics: of both, paired.
        known: the known patients of the test scans.
    """
    vote, own, frequent = outputs["vote"], metrics["vote"], metrics[BASELINE]["accuracy"]
    labels, named = vote.labels, set(vote.predicted.tolist())
    accuracy, macro_f1, auroc = (
        Estimate.of(own[name]) for name in ("accuracy", "macro_f1", "auroc")
    )
    return ClassificationPerformance(
        scans=len(vote.truth),
        groups=vote.group_count,
        scans_patient_known=known.known["test"],
        accuracy=accuracy,
        macro_f1=macro_f1,
        auroc=auroc,
        frequent_class=labels[int(outputs[BASELINE].predicted[0])],
        frequent_accuracy=Estimate.of(frequent).value,
        against_frequent=verdict(own["accuracy"] - frequent),
        absent=[one for one, has in zip(labels, vote.present_classes, strict=True) if not has]
        or None,
        classes=len(labels),
        only_class=labels[named.pop()] if len(named) == 1 else None,
        negative=None if vote.negative is None else labels[vote.negative],
        positive=None if vote.point is None else labels[vote.point.code],
        threshold=None if vote.point is None else vote.point.threshold,
        sensitivity=_estimate(own, "operating_sensitivity"),
        specificity=_estimate(own, "operating_specificity"),
    )


def _estimate(metrics: Mapping[str, BootstrapEstimate], name: str) -> Estimate | None:
    return Estimate.of(metrics[name]) if name in metrics else None


def segmentation_performance(
    patients: Mapping[str, pd.DataFrame],
    scores: Mapping[str, float],
    slices: int,
    known: KnownPatients,
    seed: int,
) -> SegmentationPerformance:
    """Summarise the masks.

    Args:
        patients: tables of `measure` of `unet`, `baseline` and `empty`, of the same patients.
        scores: metrics of the U-Net with their intervals.
        slices: number of test slices.
        known: the known patients of the slices.
        seed: seed of the samples.
    """
    dice = {name: table["dice"].to_numpy(float) for name, table in patients.items()}
    against = {
        name: verdict(mean_difference(dice["unet"], dice[name], seed))
        for name in ("baseline", "empty")
    }
    return SegmentationPerformance(
        patients=len(dice["unet"]),
        slices=slices,
        slices_patient_known=known.known["test"],
        dice=Estimate.of_metrics(scores, "dice_patient_mean", len(dice["unet"])),
        baseline_dice=round(float(dice["baseline"].mean()), 6),
        against_baseline=against["baseline"],
        empty_dice=round(float(dice["empty"].mean()), 6),
        against_empty=against["empty"],
    )
