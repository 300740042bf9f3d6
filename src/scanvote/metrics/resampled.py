"""All figures of a classifier, under many weightings of its groups at once.

A gauge is made of a model's answers once, and then takes (groups, B) weightings, as of
`scanvote.metrics.bootstrap.weightings`, to the (B,) values of each figure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from scanvote.metrics.bootstrap import Sampled, estimates
from scanvote.metrics.calibration_error import brier, calibration_gap
from scanvote.metrics.confusion import from_confusion, safe_divide
from scanvote.metrics.ranking import Floats, RankedScores
from scanvote.metrics.results import ClassifierOutput

Figures = dict[str, Floats]
Metric = Callable[[Floats], Figures]

SPECIFICITY = 0.9
AT_SPECIFICITY = f"sensitivity_at_specificity_{round(100 * SPECIFICITY)}"
MEANS = ("balanced_accuracy", "macro_f1", "mcc", "auroc", "average_precision")
"""Figures that are taken over the classes."""
POSITIVE = "positive_classes_"
_OVER_POSITIVE = ("accuracy", "balanced_accuracy", "macro_f1")
OF_POSITIVE = tuple(f"{POSITIVE}{name}" for name in _OVER_POSITIVE)
"""Figures of the classes with the finding alone."""
WIDTHS = {"mcc": 2.0}
"""From the worst value to the best one, where that is not 1."""


def confusion_metrics(answers: ClassifierOutput) -> Metric:
    """Accuracy, balanced accuracy, macro F1, MCC; sensitivity, specificity, precision a class."""
    counts, classes, there = answers.counts(), len(answers.labels), answers.present_classes
    flat = counts.reshape(len(counts), -1)

    def gauge(weights: Floats) -> Figures:
        drawn = (weights.T @ flat).reshape(-1, classes, classes)
        return from_confusion(drawn, answers.labels, there)

    return gauge


def positive_classes(answers: ClassifierOutput) -> Metric:
    """Accuracy, balanced accuracy and macro F1 of the scans whose class is not the negative one.

    The two means are over the other classes alone; a scan that is said to have the negative class
    is missed by its own. NaN where no scan has another class; nothing without a negative class.
    """
    negative, classes = answers.negative, len(answers.labels)
    if negative is None:
        return lambda _: {}
    there = answers.present_classes
    there[negative] = False
    if not there.any():
        return lambda weights: {name: np.full(weights.shape[1], np.nan) for name in OF_POSITIVE}
    counts = answers.counts()
    counts[:, negative] = 0
    flat = counts.reshape(len(counts), -1)

    def gauge(weights: Floats) -> Figures:
        drawn = (weights.T @ flat).reshape(-1, classes, classes)
        found = from_confusion(drawn, answers.labels, there)
        # without a scan of its own the F1 of the negative class is 0: it adds nothing to the sum
        found["macro_f1"] *= classes / (classes - 1)
        return {f"{POSITIVE}{name}": found[name] for name in _OVER_POSITIVE}

    return gauge


def calibration_metrics(answers: ClassifierOutput) -> Metric:
    """Brier score and expected calibration error."""
    scans = answers.sum_by_group(np.ones(len(answers.truth)))
    squares, excess = (
        answers.sum_by_group(brier(answers)),
        answers.sum_by_group(calibration_gap(answers)),
    )

    def gauge(weights: Floats) -> Figures:
        total = weights.T @ scans
        return {
            "brier": safe_divide(weights.T @ squares, total),
            "ece": safe_divide(np.abs(weights.T @ excess).sum(axis=-1), total),
        }

    return gauge


def ranking_metrics(answers: ClassifierOutput) -> Metric:
    """AUROC and average precision of each class against the rest, and their means.

    NaN where a class is absent, and so are the means.
    """
    orders = {label: _order(answers, code) for code, label in enumerate(answers.labels)}

    def gauge(weights: Floats) -> Figures:
        areas, precisions = {}, {}
        for label, order in orders.items():
            ranking = order.with_weights(weights)
            areas[f"auroc_{label}"] = ranking.auroc()
            precisions[f"average_precision_{label}"] = ranking.average_precision()
        means = {
            "auroc": np.mean(list(areas.values()), axis=0),
            "average_precision": np.mean(list(precisions.values()), axis=0),
        }
        return means | areas | precisions

    return gauge


def operating_point_metrics(answers: ClassifierOutput) -> Metric:
    """Of two classes, sensitivity and specificity at the operating point, and on the curve.

    `sensitivity_at_specificity_90` is the highest one of a threshold chosen on these scans.
    """
    if answers.point is None:
        return lambda _: {}
    code = answers.point.code
    at_point = confusion_metrics(
        replace(answers, predicted=answers.point.apply(answers.probabilities))
    )
    order, label = _order(answers, code), answers.labels[code]

    def gauge(weights: Floats) -> Figures:
        found = at_point(weights)
        return {
            "operating_sensitivity": found[f"sensitivity_{label}"],
            "operating_specificity": found[f"specificity_{label}"],
            AT_SPECIFICITY: order.with_weights(weights).sensitivity_at(SPECIFICITY),
        }

    return gauge


def _order(answers: ClassifierOutput, code: int) -> RankedScores:
    return RankedScores.of(answers.is_class(code), answers.probabilities[:, code], answers.groups)


METRICS = (
    confusion_metrics,
    positive_classes,
    calibration_metrics,
    ranking_metrics,
    operating_point_metrics,
)


def effective_groups(answers: ClassifierOutput) -> dict[str, int]:
    """On how many groups each figure rests, of those that do not rest on all.

    What is taken over the classes rests on the groups of the rarest one that is there, what sets
    a class against the rest on the fewer of the two.
    """
    found: dict[str, int] = {}
    rarest = answers.group_count
    for code, label in enumerate(answers.labels):
        own = answers.is_class(code)
        having, without = answers.groups_with(own), answers.groups_with(~own)
        rarest = min(rarest, having or rarest)
        found |= {
            f"sensitivity_{label}": having,
            f"specificity_{label}": without,
            f"precision_{label}": answers.groups_with(answers.predicted == code),
            f"auroc_{label}": min(having, without),
            f"average_precision_{label}": min(having, without),
        }
    found |= dict.fromkeys(MEANS, rarest)
    found |= _rest_of_positive(answers)
    if answers.point is not None:
        own = answers.is_class(answers.point.code)
        having, without = answers.groups_with(own), answers.groups_with(~own)
        found |= {"operating_sensitivity": having, "operating_specificity": without}
        found[AT_SPECIFICITY] = min(having, without)
    return found


def _rest_of_positive(answers: ClassifierOutput) -> dict[str, int]:
    own = answers.positive
    having = [answers.groups_with(answers.is_class(code)) for code in set(answers.truth[own])]
    found = dict.fromkeys(OF_POSITIVE, min(having, default=0))
    return found | {f"{POSITIVE}accuracy": answers.groups_with(own)}


def bootstrap(
    models: Mapping[str, ClassifierOutput],
    seed: int,
    gauges: Sequence[Callable[[ClassifierOutput], Metric]] = METRICS,
) -> dict[str, dict[str, Sampled]]:
    """Every figure of every model, all in the same samples of the groups.

    Args:
        models: of the same scans in the same order.
        seed: of the samples.
        gauges: which figures.
    """
    made = {name: [make(answers) for make in gauges] for name, answers in models.items()}

    def figures(weights: Floats) -> dict[tuple[str, str], Floats]:
        return {
            (name, figure): values
            for name, own in made.items()
            for gauge in own
            for figure, values in gauge(weights).items()
        }

    found: dict[str, dict[str, Sampled]] = {name: {} for name in models}
    groups = next(iter(models.values())).group_count
    for (name, figure), one in estimates(figures, groups, seed).items():
        found[name][figure] = one
    return {name: _rested(own, models[name]) for name, own in found.items()}


def _rested(figures: Mapping[str, Sampled], answers: ClassifierOutput) -> dict[str, Sampled]:
    groups = effective_groups(answers)
    return {
        name: replace(
            one, groups=groups.get(name, answers.group_count), width=WIDTHS.get(name, 1.0)
        )
        for name, one in figures.items()
    }
