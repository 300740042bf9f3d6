"""ROC and precision–recall curves of each class against the rest, with bands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.metrics.bootstrap import LEVEL, Integers, resamples, too_few
from scanvote.predictions import labels_of

Floats = NDArray[np.float64]

GRID: Floats = np.linspace(0, 1, 101)
"""Grid of the false positive rate, and of the recall."""
DRAWS = 300
BAND = f"pointwise 95 % bands: percentiles of {DRAWS} resamples of the groups"
"""Description of the bands. They are not made like the intervals of metrics: a point of a curve
moves in steps, and is fixed at its ends, where a correction for bias has no information."""
LEVELS = 512
"""Thresholds at quantiles of the scores of a class, and as many at those of the rest."""
_ROUNDING = 1e-9
"""Tolerance for comparing a sum of shares with a point of the grid."""


@dataclass(frozen=True)
class Curve:
    """A curve on `GRID`, each array (101,).

    All values are NaN if the class, or every other class, is absent.

    Attributes:
        line: the measured curve.
        low, high: its pointwise 95 % band; NaN with too few groups.
        groups: number of groups that the curve rests on: those of the class, or those of the rest
            if these are fewer.
    """

    line: Floats
    low: Floats
    high: Floats
    groups: int


@dataclass(frozen=True)
class Curves:
    """Curves of each class in the table's order, the average last.

    Attributes:
        roc: sensitivity by false positive rate.
        precision_recall: precision by recall.
    """

    roc: list[Curve]
    precision_recall: list[Curve]


def curves_of(table: pd.DataFrame, groups: Integers, seed: int) -> Curves:
    """Return the curves of one classifier.

    Between two thresholds the ROC curve is straight. The precision at a recall is that of the
    highest threshold that reaches this recall, because precision is not linear between thresholds
    (Davis & Goadrich, ICML 2006).

    Args:
        table: n > 0 rows of `predictions.csv` of one model and one split.
        groups: (n,), the group of each row, from 0; groups are drawn with replacement.
        seed: seed of the draws.
    """
    drawn = _heights(_scan_weights(groups, seed), _threshold_columns(table))
    having = _groups_of_curves(table, groups)
    roc, precision = (
        [_curve(line, many[:, at], having[at]) for at, line in enumerate(lines)]
        for lines, many in zip(lines_of(table), drawn, strict=True)
    )
    return Curves(roc, precision)


def _groups_of_curves(table: pd.DataFrame, groups: Integers) -> list[int]:
    """Count the groups behind the curve of each class, and behind their average."""
    found = []
    for label in labels_of(table):
        own = (table["label"] == label).to_numpy()
        found.append(min(len(np.unique(groups[kind])) for kind in (own, ~own)))
    return [*found, min((count for count in found if count), default=0)]


def _scan_weights(groups: Integers, seed: int) -> Iterator[Floats]:
    """Yield blocks (b, n): draws of each scan's group, `DRAWS` rows."""
    left = DRAWS
    for weights in resamples(int(groups.max(initial=-1)) + 1, seed):
        drawn = weights[:, :left]
        yield drawn.T[:, groups]
        left -= drawn.shape[1]
        if not left:
            return


def lines_of(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return sensitivity and precision, (C + 1, 101) each, average last."""
    sensitivity, precision = _heights([np.ones((1, len(table)))], _threshold_columns(table))
    return sensitivity[0], precision[0]


def _threshold_columns(table: pd.DataFrame) -> Any:
    """Return a sparse matrix for counting scans, (n, C·2·K).

    Each scan has a 1 in one column for each class. The column is given by the scan's kind (of the
    class, or of the rest) and by the first of K falling thresholds that its score reaches.
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


def _heights(blocks: Iterable[Floats], columns: Any) -> tuple[Floats, Floats]:
    """Return sensitivity and precision on `GRID`.

    Both are (draws, C + 1, 101), the average last.
    """
    found = []
    for weights in blocks:
        counts = (weights @ columns).reshape(len(weights), -1, 2, 2 * LEVELS).cumsum(axis=-1)
        found.append([[_points(*one) for one in draw] for draw in counts])
    both = np.moveaxis(np.concatenate([np.array(block) for block in found]), 2, 0)
    sensitivity, precision = (_with_average(heights) for heights in both)
    return sensitivity, precision


def _points(true: Floats, false: Floats) -> Floats:
    """Return sensitivity and precision of one class in one draw, (2, 101).

    Args:
        true, false: (K,), the scans of the class and of the rest that reach each threshold.
    """
    if not true[-1] or not false[-1]:
        return np.full((2, len(GRID)), np.nan)
    recall, alarms = true / true[-1], false / false[-1]
    sensitivity = np.interp(GRID + _ROUNDING, [0, *alarms], [0, *recall])
    at = np.searchsorted(recall, np.maximum(GRID - _ROUNDING, _ROUNDING))
    return np.stack([sensitivity, true[at] / (true[at] + false[at])])


def _with_average(heights: Floats) -> Floats:
    """Append the mean over the defined classes."""
    defined = ~np.isnan(heights)
    with np.errstate(invalid="ignore"):
        mean = np.where(defined, heights, 0).sum(axis=1) / defined.sum(axis=1)
    return np.concatenate([heights, mean[:, None]], axis=1)


def _curve(line: Floats, drawn: Floats, groups: int) -> Curve:
    """Return a curve with its band of `BAND`, if the groups are enough for one.

    The band is widened where the bootstrap percentiles do not include the curve itself.
    """
    if np.isnan(line).any():
        return Curve(line, line, line, groups)
    if too_few(groups):
        none = np.full_like(line, np.nan)
        return Curve(line, none, none, groups)
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    return Curve(line, np.minimum(low, line), np.maximum(high, line), groups)
