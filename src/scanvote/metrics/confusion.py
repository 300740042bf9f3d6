"""Metrics of confusion matrices, for many matrices at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scanvote.metrics.bootstrap import BootstrapEstimate, Counts, accuracy, estimates, macro_f1
from scanvote.metrics.ranking import Bools, Floats


def from_confusion(counts: Counts, labels: Sequence[str], present: Bools) -> dict[str, Floats]:
    """Return the metrics of B confusion matrices.

    A share of nothing is NaN: the sensitivity of a class without a scan, the precision of a class
    that is never predicted. Averages over all classes are NaN if a class of `present` has no scan,
    which happens in bootstrap samples. Balanced accuracy and macro F1 are means over `present`: a
    class that the test lacks has no scan to find, and scans that are called so are missed in their
    own classes.

    Args:
        counts: (B, C, C), rows are the truth, columns the prediction.
        labels: names of the C classes.
        present: bool (C,), the classes of which the test has scans.

    Returns:
        Each (B,): accuracy, balanced_accuracy, macro_f1, mcc, and sensitivity, specificity and
        precision of each class.
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted, total = counts.sum(axis=-1), counts.sum(axis=-2), counts.sum(axis=(-1, -2))
    rest = total[:, None] - true
    shares = {
        "sensitivity": safe_divide(hits, true),
        "specificity": safe_divide(rest - predicted + hits, rest),
        "precision": safe_divide(hits, predicted),
    }
    whole = (true[:, present] > 0).all(axis=-1)
    metrics = {
        "accuracy": accuracy(counts),
        "balanced_accuracy": shares["sensitivity"][:, present].mean(axis=-1),
        "macro_f1": np.where(whole, macro_f1(counts, present), np.nan),
        "mcc": matthews(counts),
    }
    for name, values in shares.items():
        metrics |= {f"{name}_{label}": values[:, code] for code, label in enumerate(labels)}
    return metrics


CHIEF = ("accuracy", "macro_f1")


def chief_estimates(counts: Sequence[Counts], seed: int) -> list[dict[str, BootstrapEstimate]]:
    """Estimate accuracy and macro F1 of classifiers, paired over groups.

    All estimates use the same samples of the groups.
    Args:
        counts: for each classifier the confusion matrices of the same groups, (G, C, C). Groups
            without any tested scan are not drawn.
        seed: seed of the samples.
    """
    tested = np.sum(counts, axis=0).any(axis=(1, 2))
    own = [one[tested] for one in counts]
    labels, present = [""] * own[0].shape[-1], [one.sum(axis=(0, 2)) > 0 for one in own]

    def metrics(weights: Floats) -> dict[tuple[int, str], Floats]:
        drawn = [np.tensordot(weights.T, one, axes=1) for one in own]
        each = [from_confusion(one, labels, has) for one, has in zip(drawn, present, strict=True)]
        return {(at, name): one[name] for at, one in enumerate(each) for name in CHIEF}

    found = estimates(metrics, int(tested.sum()), seed)
    return [
        {
            "accuracy": replace(found[at, "accuracy"], groups=int(one.any(axis=(1, 2)).sum())),
            "macro_f1": replace(found[at, "macro_f1"], groups=_groups_of_rarest_class(one)),
        }
        for at, one in enumerate(own)
    ]


def _groups_of_rarest_class(counts: Counts) -> int:
    """Return the number of groups of the rarest present class."""
    having = (counts.sum(axis=2) > 0).sum(axis=0)
    return int(having[having > 0].min(initial=len(counts)))


def safe_divide(part: Floats, whole: Floats) -> Floats:
    """Divide elementwise; NaN where `whole` is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan))


def matthews(counts: Counts) -> Floats:
    """Return Matthews' correlation coefficient for several classes, (B,) (Gorodkin 2004).

    0 if only one class is predicted; NaN if the truth has one class only.
    """
    true, predicted, total = counts.sum(axis=-1), counts.sum(axis=-2), counts.sum(axis=(-1, -2))
    right = np.trace(counts, axis1=-2, axis2=-1)
    spread = [total**2 - (sums**2).sum(axis=-1) for sums in (true, predicted)]
    both = right * total - (true * predicted).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = both / np.sqrt(spread[0] * spread[1])
    return np.asarray(np.where(spread[0] > 0, np.where(spread[1] > 0, found, 0.0), np.nan))
