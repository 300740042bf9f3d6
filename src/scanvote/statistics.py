"""Intervals: the bootstrap over groups, as scans of one patient are no independent cases."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.seeds import generator

RESAMPLES = 2000
LEVEL = 0.95
BLOCK = 100
"""Resamples at a time: bounds the memory at 800 bytes a group."""

Integers = NDArray[np.integer[Any]]
Counts = NDArray[np.float64]
"""(..., C, C) float64, rows the truth, columns the prediction."""
Statistic = Callable[[Counts], NDArray[np.float64]]
"""From (..., C, C) counts to (...) values."""


def confusions(groups: Integers, truth: Integers, guess: Integers, classes: int) -> Counts:
    """One confusion matrix a group, (G, C, C), G being the largest group + 1.

    Args:
        groups, truth, guess: (n,), one a scan: its group from 0, class and prediction.
        classes: C.
    """
    counts = np.zeros((int(groups.max(initial=-1)) + 1, classes, classes))
    np.add.at(counts, (groups, truth, guess), 1)
    return counts


def resampled(counts: Counts, seed: int) -> Counts:
    """(RESAMPLES, …): the sums of groups drawn with replacement, as many as there are.

    Args:
        counts: (G, …), what each group adds to the sum.
        seed: of the draws, which depend on it and on G alone: two statistics of the same
            groups are paired.
    """
    draw = generator(seed, "bootstrap")
    flat = counts.reshape(len(counts), -1)
    even = np.full(len(counts), 1 / len(counts))
    sums = [
        draw.multinomial(len(counts), even, size=BLOCK) @ flat for _ in range(0, RESAMPLES, BLOCK)
    ]
    return np.concatenate(sums).reshape(RESAMPLES, *counts.shape[1:])


def group_weights(groups: Integers, seed: int) -> Iterator[NDArray[np.float64]]:
    """(BLOCK, n) at a time, RESAMPLES in all: how often each scan's group is drawn.

    The draws are those of `resampled`.

    Args:
        groups: (n,) the group of each scan, from 0.
        seed: of the draws.
    """
    draw, count = generator(seed, "bootstrap"), int(groups.max(initial=-1)) + 1
    even = np.full(count, 1 / count)
    for _ in range(0, RESAMPLES, BLOCK):
        yield draw.multinomial(count, even, size=BLOCK)[:, groups].astype(float)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The percentile interval of resampled values; what is undefined in a resample is left out."""
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """Share of the scans on the diagonal."""
    total = counts.sum(axis=(-1, -2))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.trace(counts, axis1=-2, axis2=-1) / total)


def macro_f1(counts: Counts) -> NDArray[np.float64]:
    """Mean F1 of the classes; 0 for one that is neither there nor predicted."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.asarray((2 * hits / np.maximum(either, 1e-12)).mean(axis=-1))
