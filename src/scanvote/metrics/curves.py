"""ROC and precision–recall curves of each class against the rest, with bands over groups."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.metrics.bootstrap import LEVEL, Integers, resamples
from scanvote.predictions import labels_of

Floats = NDArray[np.float64]

GRID: Floats = np.linspace(0, 1, 101)
"""Of the false positive rate, and of the recall."""
DRAWS = 300
BAND = f"pointwise 95 % bands: percentiles of {DRAWS} resamples of the groups"
"""How the bands are made, in words. Not as the intervals of figures: a point of a curve moves in
steps, and is fixed at its ends, where a correction for bias has nothing to go by."""
LEVELS = 512
"""Thresholds at quantiles of a class's own scores, and as many at those of the rest."""
_ROUNDING = 1e-9
"""By which a sum of shares may miss a point of the grid."""


@dataclass(frozen=True)
class Curve:
    """Heights on `GRID`, each (101,); NaN where the class, or all else, is absent.

    Attributes:
        line: what was measured.
        low, high: its pointwise 95 % band.
    """

    line: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Curves:
    """Of each class in the table's order, and last the average over the classes.

    Attributes:
        roc: sensitivity by false positive rate.
        precision_recall: precision by recall.
    """

    roc: list[Curve]
    precision_recall: list[Curve]


def curves_of(table: pd.DataFrame, groups: Integers, seed: int) -> Curves:
    """The curves of one classifier.

    Between two thresholds the ROC curve is straight. Precision is that of the highest threshold
    that reaches the recall: it lies on no straight line (Davis & Goadrich, ICML 2006).

    Args:
        table: n > 0 rows of `predictions.csv` of one model and one split.
        groups: (n,) the group of each row, from 0: what is drawn with replacement.
        seed: of the draws.
    """
    drawn = _heights(_scan_weights(groups, seed), _falls(table))
    roc, precision = (
        [_curve(line, many[:, at]) for at, line in enumerate(lines)]
        for lines, many in zip(lines_of(table), drawn, strict=True)
    )
    return Curves(roc, precision)


def _scan_weights(groups: Integers, seed: int) -> Iterator[Floats]:
    """(b, n) at a time, `DRAWS` in all: how often each scan's group is drawn."""
    left = DRAWS
    for weights in resamples(int(groups.max(initial=-1)) + 1, seed):
        drawn = weights[:, :left]
        yield drawn.T[:, groups]
        left -= drawn.shape[1]
        if not left:
            return


def lines_of(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Sensitivity and precision of each class and last their average, (C + 1, 101) each."""
    sensitivity, precision = _heights([np.ones((1, len(table)))], _falls(table))
    return sensitivity[0], precision[0]


def _falls(table: pd.DataFrame) -> Any:
    """Sparse (n, C · 2 · K): of each class, the one place where a scan counts.

    It is the scan's kind (of the class, or of the rest) and the first of K falling thresholds
    that its score reaches.
    """
    from scipy.sparse import csr_array

    labels, wide = labels_of(table), 2 * LEVELS
    places = []
    for code, label in enumerate(labels):
        scores = -table[f"p_{label}"].to_numpy(float)
        rest = (table["label"] != label).to_numpy()
        thresholds = np.concatenate([_quantiles(scores[kind]) for kind in (~rest, rest)])
        places.append(wide * (2 * code + rest) + np.searchsorted(np.sort(thresholds), scores))
    ones, ends = np.ones(len(labels) * len(table)), np.arange(len(table) + 1) * len(labels)
    shape = len(table), wide * 2 * len(labels)
    return csr_array((ones, np.stack(places, axis=1).ravel(), ends), shape)


def _quantiles(scores: Floats) -> Floats:
    if len(scores) <= LEVELS:
        return scores
    return np.quantile(scores, np.linspace(0, 1, LEVELS), method="inverted_cdf")


def _heights(blocks: Iterable[Floats], falls: Any) -> tuple[Floats, Floats]:
    """Sensitivity and precision on `GRID`, (draws, C + 1, 101) each, the average last."""
    found = []
    for weights in blocks:
        counts = (weights @ falls).reshape(len(weights), -1, 2, 2 * LEVELS).cumsum(axis=-1)
        found.append([[_of_class(*one) for one in draw] for draw in counts])
    both = np.moveaxis(np.concatenate([np.array(block) for block in found]), 2, 0)
    sensitivity, precision = (_with_average(heights) for heights in both)
    return sensitivity, precision


def _of_class(true: Floats, false: Floats) -> Floats:
    """(2, 101) the sensitivity and the precision of one class in one draw.

    Args:
        true, false: (K,) how many of the class and of the rest reach each threshold.
    """
    if not true[-1] or not false[-1]:
        return np.full((2, len(GRID)), np.nan)
    recall, alarms = true / true[-1], false / false[-1]
    sensitivity = np.interp(GRID + _ROUNDING, [0, *alarms], [0, *recall])
    at = np.searchsorted(recall, np.maximum(GRID - _ROUNDING, _ROUNDING))
    return np.stack([sensitivity, true[at] / (true[at] + false[at])])


def _with_average(heights: Floats) -> Floats:
    """The mean of the classes that are there, behind them."""
    there = ~np.isnan(heights)
    with np.errstate(invalid="ignore"):
        mean = np.where(there, heights, 0).sum(axis=1) / there.sum(axis=1)
    return np.concatenate([heights, mean[:, None]], axis=1)


def _curve(line: Floats, drawn: Floats) -> Curve:
    """The band of `BAND`; no narrower than to hold the curve, which a bootstrap may overshoot."""
    if np.isnan(line).any():
        return Curve(line, line, line)
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    return Curve(line, np.minimum(low, line), np.maximum(high, line))
