"""How good a model is, in a few words beside its answers."""

from scanvote.metrics.bootstrap import number_of
from scanvote.metrics.performance import (
    ClassificationPerformance,
    Estimate,
    SegmentationPerformance,
    Verdict,
)
from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.package.identity import short_digest
from scanvote.pipeline.report import terms


def class_doubts(contents: ModelMetadata) -> list[str]:
    """Say if the vote was no better than a constant answer on the test scans."""
    if contents.classifiers is None:
        return []
    performance = contents.classifiers.performance
    if performance.only_class is not None:
        only = terms.words(performance.only_class)
        scans = number_of(performance.scans, "test scan")
        return [f"The vote named {only} for all of {scans}: it does not tell the classes apart."]
    frequent = terms.words(performance.frequent_class)
    other = f"always naming {frequent}, the most frequent class"
    metrics = performance.accuracy.value, performance.frequent_accuracy
    return _not_better("the vote", performance.against_frequent, other, "accuracy", *metrics)


def mask_doubts(contents: ModelMetadata) -> list[str]:
    """Say if the masks were no better than those of a simpler method on the test slices."""
    if contents.segmenters is None:
        return []
    performance = contents.segmenters.performance
    dice = performance.dice.value
    return [
        *_not_better(
            "the outline",
            performance.against_empty or "better",
            "marking nothing",
            "Dice",
            dice,
            performance.empty_dice,
        ),
        *_not_better(
            "the outline",
            performance.against_baseline,
            "the baseline without learning",
            "Dice",
            dice,
            performance.baseline_dice,
        ),
    ]


def main_metrics(contents: ModelMetadata) -> list[str]:
    """Return the main metrics of each task: ``Class: tested on 172 scans of 110 patients: …``."""
    lines = []
    if contents.classifiers:
        lines.append(f"Class: {_tested_class(contents.classifiers.performance)}")
    if contents.segmenters:
        lines.append(f"Outline: {_tested_mask(contents.segmenters.performance)}")
    return lines


def model_doubts(contents: ModelMetadata) -> list[str]:
    """Return the doubts about the whole model."""
    return [*class_doubts(contents), *mask_doubts(contents)]


def quality(contents: ModelMetadata) -> list[str]:
    """Return how good the model is, the doubts first."""
    return [*model_doubts(contents), *main_metrics(contents)]


def named(contents: ModelMetadata) -> str:
    """Name the model by its short digest, for people."""
    return f"Model {short_digest(contents.digest)}."


def _not_better(
    what: str, verdict: Verdict, other: str, metric: str, own: float | None, others: float | None
) -> list[str]:
    values = "" if own is None or others is None else f" ({metric} {own:.2f} against {others:.2f})"
    texts = {
        "better": [],
        "worse": [f"On the test scans {what} was worse than {other}{values}."],
        "no difference shown": [
            f"On the test scans {what} was not shown to be better than {other}{values}."
        ],
        "too few groups": [
            f"The test is too small to show that {what} is better than {other}{values}."
        ],
    }
    return texts[verdict]


def _tested_class(performance: ClassificationPerformance) -> str:
    of = "patient" if performance.scans_patient_known == performance.scans else "group"
    test = f"{number_of(performance.scans, 'scan')} of {number_of(performance.groups, of)}"
    metrics = [f"accuracy {_estimate(performance.accuracy)}"]
    if performance.positive is not None and performance.sensitivity is not None:
        positive = terms.words(performance.positive)
        metrics.append(f"sensitivity for {positive} {_estimate(performance.sensitivity)}")
    elif performance.auroc.value is not None:
        metrics.append(f"AUROC {_estimate(performance.auroc)}")
    return f"tested on {test}: {', '.join(metrics)}."


def _tested_mask(performance: SegmentationPerformance) -> str:
    known = performance.slices_patient_known == performance.slices
    of = number_of(performance.patients, "patient" if known else "group")
    return (
        f"tested on {number_of(performance.slices, 'slice')} of {of}:"
        f" mean Dice {_estimate(performance.dice)}."
    )


def _estimate(one: Estimate) -> str:
    """Format as ``0.92 (0.86–0.96)``, with the 95 % interval."""
    if one.value is None:
        return "undefined"
    if one.low is None or one.high is None:
        return f"{one.value:.2f} (too few for an interval)"
    return f"{one.value:.2f} ({one.low:.2f}–{one.high:.2f})"
