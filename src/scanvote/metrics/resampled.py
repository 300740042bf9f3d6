"""All metrics of a classifier, for many weightings of groups at once.

A metric function is built once from a model's output. It then turns (groups, B) weights, as of
`scanvote.metrics.bootstrap.bootstrap_weights`, into the (B,) values of each metric.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from scanvote.metrics.bootstrap import BootstrapEstimate, estimates
from scanvote.metrics.calibration_error import brier, calibration_gap
from scanvote.metrics.confusion import from_confusion, safe_divide
from scanvote.metrics.ranking import Floats, RankedScores
from scanvote.metrics.results import ClassifierOutput

Values = dict[str, Floats]
Metric = Callable[[Floats], Values]

SPECIFICITY = 0.9
AT_SPECIFICITY = f"sensitivity_at_specificity_{round(100 * SPECIFICITY)}"
MEANS = ("balanced_accuracy", "macro_f1", "mcc", "auroc", "average_precision")
"""Metrics that are averages over the classes."""
POSITIVE = "positive_classes_"
_OVER_POSITIVE = ("accuracy", "balanced_accuracy", "macro_f1")
OF_POSITIVE = tuple(f"{POSITIVE}{name}" for name in _OVER_POSITIVE)
"""Metrics of the classes with the finding alone."""
_AVERAGES = {*MEANS, *OF_POSITIVE} - {f"{POSITIVE}accuracy"}
WIDTHS = {"mcc": 2.0}
"""Range of possible values, worst to best, where it is not 1."""


def confusion_metrics(output: ClassifierOutput) -> Metric:
    """Return the function for the metrics of `from_confusion`.

    These are accuracy, balanced accuracy, macro F1, MCC, and sensitivity, specificity and precision
    of each class.
    """
    counts, classes, present = output.counts(), len(output.labels), output.present_classes
    flat = counts.reshape(len(counts), -1)

    def values_of(weights: Floats) -> Values:
        drawn = (weights.T @ flat).reshape(-1, classes, classes)
        return from_confusion(drawn, output.labels, present)

    return values_of


def positive_classes(output: ClassifierOutput) -> Metric:
    """Return the function for the metrics of positive scans.

    These are accuracy, balanced accuracy and macro F1 of scans whose class is not the negative one.
    The two averages are over the
    other classes alone; a positive scan that is predicted negative lowers the sensitivity of its
    own class. NaN if no scan has another class; without a negative class there are no metrics.
    """
    negative, classes = output.negative, len(output.labels)
    if negative is None:
        return lambda _: {}
    present = output.present_classes
    present[negative] = False
    if not present.any():
        return lambda weights: {name: np.full(weights.shape[1], np.nan) for name in OF_POSITIVE}
    counts = output.counts()
    counts[:, negative] = 0
    flat = counts.reshape(len(counts), -1)

    def values_of(weights: Floats) -> Values:
        drawn = (weights.T @ flat).reshape(-1, classes, classes)
        found = from_confusion(drawn, output.labels, present)
        return {f"{POSITIVE}{name}": found[name] for name in _OVER_POSITIVE}

    return values_of


def calibration_metrics(output: ClassifierOutput) -> Metric:
    """Return the function for Brier score and expected calibration error."""
    scans = output.sum_by_group(np.ones(len(output.truth)))
    squares, excess = (
        output.sum_by_group(brier(output)),
        output.sum_by_group(calibration_gap(output)),
    )

    def values_of(weights: Floats) -> Values:
        total = weights.T @ scans
        return {
            "brier": safe_divide(weights.T @ squares, total),
            "ece": safe_divide(np.abs(weights.T @ excess).sum(axis=-1), total),
        }

    return values_of


def ranking_metrics(output: ClassifierOutput) -> Metric:
    """Return the function for AUROC and average precision.

    Both are computed for each class against the rest. The macro averages are included. A
    metric of an absent class is NaN, and so are the averages.
    """
    orders = {label: _ranked(output, code) for code, label in enumerate(output.labels)}

    def values_of(weights: Floats) -> Values:
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

    return values_of


def operating_point_metrics(output: ClassifierOutput) -> Metric:
    """Return the function for sensitivity and specificity at the operating point.

    For two classes only. `sensitivity_at_specificity_90` is the highest sensitivity of a threshold
    chosen on these scans.
    """
    if output.point is None:
        return lambda _: {}
    code = output.point.code
    at_point = confusion_metrics(
        replace(output, predicted=output.point.apply(output.probabilities))
    )
    order, label = _ranked(output, code), output.labels[code]

    def values_of(weights: Floats) -> Values:
        found = at_point(weights)
        return {
            "operating_sensitivity": found[f"sensitivity_{label}"],
            "operating_specificity": found[f"specificity_{label}"],
            AT_SPECIFICITY: order.with_weights(weights).sensitivity_at(SPECIFICITY),
        }

    return values_of


def _ranked(output: ClassifierOutput, code: int) -> RankedScores:
    return RankedScores.of(output.is_class(code), output.probabilities[:, code], output.groups)


METRICS = (
    confusion_metrics,
    positive_classes,
    calibration_metrics,
    ranking_metrics,
    operating_point_metrics,
)


def effective_groups(output: ClassifierOutput) -> dict[str, int]:
    """Count the groups behind metrics that do not use all groups.

    Averages over the classes rest on the groups of the rarest present class; a metric of a class
    against the rest, on the smaller of both numbers.
    """
    found: dict[str, int] = {}
    rarest = output.group_count
    for code, label in enumerate(output.labels):
        own = output.is_class(code)
        having, without = output.groups_with(own), output.groups_with(~own)
        rarest = min(rarest, having or rarest)
        found |= {
            f"sensitivity_{label}": having,
            f"specificity_{label}": without,
            f"precision_{label}": output.groups_with(output.predicted == code),
            f"auroc_{label}": min(having, without),
            f"average_precision_{label}": min(having, without),
        }
    found |= dict.fromkeys(MEANS, rarest)
    found |= _groups_of_positive(output)
    if output.point is not None:
        own = output.is_class(output.point.code)
        having, without = output.groups_with(own), output.groups_with(~own)
        found |= {"operating_sensitivity": having, "operating_specificity": without}
        found[AT_SPECIFICITY] = min(having, without)
    return found


def _groups_of_positive(output: ClassifierOutput) -> dict[str, int]:
    own = output.positive
    having = [output.groups_with(output.is_class(code)) for code in set(output.truth[own])]
    found = dict.fromkeys(OF_POSITIVE, min(having, default=0))
    return found | {f"{POSITIVE}accuracy": output.groups_with(own)}


def bootstrap(
    models: Mapping[str, ClassifierOutput],
    seed: int,
    metrics: Sequence[Callable[[ClassifierOutput], Metric]] = METRICS,
) -> dict[str, dict[str, BootstrapEstimate]]:
    """Estimate all metrics of several models, paired over groups.

    All estimates use the same samples of the groups.

    Args:
        models: outputs of the models for the same scans in the same order.
        seed: seed of the samples.
        metrics: functions that build the metrics of a model.
    """
    built = {name: [build(output) for build in metrics] for name, output in models.items()}

    def values_of_all(weights: Floats) -> dict[tuple[str, str], Floats]:
        return {
            (name, metric): values
            for name, own in built.items()
            for values_of in own
            for metric, values in values_of(weights).items()
        }

    found: dict[str, dict[str, BootstrapEstimate]] = {name: {} for name in models}
    groups = next(iter(models.values())).group_count
    for (name, metric), one in estimates(values_of_all, groups, seed).items():
        found[name][metric] = one
    return {name: _with_groups(own, models[name]) for name, own in found.items()}


def _with_groups(
    metrics: Mapping[str, BootstrapEstimate], output: ClassifierOutput
) -> dict[str, BootstrapEstimate]:
    groups = effective_groups(output)
    return {
        name: replace(
            one,
            groups=groups.get(name, output.group_count),
            width=WIDTHS.get(name, 1.0),
            # an average over the classes varies with the groups of all of them
            spread_groups=None if name in _AVERAGES else groups.get(name),
        )
        for name, one in metrics.items()
    }
