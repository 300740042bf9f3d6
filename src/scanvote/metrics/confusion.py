"""Figures of confusion matrices, for many of them at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scanvote.metrics.bootstrap import Counts, Sampled, accuracy, estimates, macro_f1
from scanvote.metrics.ranking import Bools, Floats


def from_confusion(counts: Counts, labels: Sequence[str], there: Bools) -> dict[str, Floats]:
    """Figures of B confusion matrices.

    A share of nothing is NaN: the sensitivity for a class without a scan, the precision of one
    that is never said. What is taken over all classes is NaN where one of `there` has no scan,
    as the samples of a bootstrap may have none; the balanced accuracy is the mean over these
    classes, while in the macro F1 one that is never there counts 0, as in scikit-learn.

    Args:
        counts: (B, C, C), rows the truth, columns what was said.
        labels: names of the C classes.
        there: (C,) the classes that the test has scans of.

    Returns:
        Each (B,): accuracy, balanced_accuracy, macro_f1, mcc, and sensitivity, specificity and
        precision of each class.
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, said, total = counts.sum(axis=-1), counts.sum(axis=-2), counts.sum(axis=(-1, -2))
    rest = total[:, None] - true
    shares = {
        "sensitivity": safe_divide(hits, true),
        "specificity": safe_divide(rest - said + hits, rest),
        "precision": safe_divide(hits, said),
    }
    whole = (true[:, there] > 0).all(axis=-1)
    found = {
        "accuracy": accuracy(counts),
        "balanced_accuracy": shares["sensitivity"][:, there].mean(axis=-1),
        "macro_f1": np.where(whole, macro_f1(counts), np.nan),
        "mcc": matthews(counts),
    }
    for name, values in shares.items():
        found |= {f"{name}_{label}": values[:, code] for code, label in enumerate(labels)}
    return found


CHIEF = ("accuracy", "macro_f1")


def chief_estimates(counts: Sequence[Counts], seed: int) -> list[dict[str, Sampled]]:
    """Accuracy and macro F1 of several classifiers, all in the same samples of their groups.

    Args:
        counts: of each the confusion matrices of the same groups, (G, C, C). Groups in which none
            was tested are no part of the samples.
        seed: of the samples.
    """
    seen = np.sum(counts, axis=0).any(axis=(1, 2))
    own = [one[seen] for one in counts]
    labels, there = [""] * own[0].shape[-1], [one.sum(axis=(0, 2)) > 0 for one in own]

    def figures(weights: Floats) -> dict[tuple[int, str], Floats]:
        drawn = [np.tensordot(weights.T, one, axes=1) for one in own]
        found = [from_confusion(one, labels, has) for one, has in zip(drawn, there, strict=True)]
        return {(at, name): one[name] for at, one in enumerate(found) for name in CHIEF}

    found = estimates(figures, int(seen.sum()), seed)
    return [
        {
            "accuracy": replace(found[at, "accuracy"], groups=int(one.any(axis=(1, 2)).sum())),
            "macro_f1": replace(found[at, "macro_f1"], groups=_of_the_rarest(one)),
        }
        for at, one in enumerate(own)
    ]


def _of_the_rarest(counts: Counts) -> int:
    """How many groups have scans of the class that the fewest have, of those that are there."""
    having = (counts.sum(axis=2) > 0).sum(axis=0)
    return int(having[having > 0].min(initial=len(counts)))


def safe_divide(part: Floats, whole: Floats) -> Floats:
    """`part` of `whole`, elementwise; NaN of nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan))


def matthews(counts: Counts) -> Floats:
    """(B,) Matthews' correlation coefficient of several classes (Gorodkin 2004).

    0 of who always says one class; NaN where the truth has one class only.
    """
    true, said, total = counts.sum(axis=-1), counts.sum(axis=-2), counts.sum(axis=(-1, -2))
    right = np.trace(counts, axis1=-2, axis2=-1)
    spread = [total**2 - (sums**2).sum(axis=-1) for sums in (true, said)]
    both = right * total - (true * said).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = both / np.sqrt(spread[0] * spread[1])
    return np.asarray(np.where(spread[0] > 0, np.where(spread[1] > 0, found, 0.0), np.nan))
