"""Bins of the reliability diagram: accuracy by confidence."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.metrics.bootstrap import too_few

BINS = 10
INTERVALS = "95 % intervals: Wilson, of the groups in a bin"
"""Description of the intervals: a bin holds a share of few groups, for which a formula is
suitable."""
_NORMAL = 1.959964
"""Standard deviations within which 95 % of a normal distribution lie."""

Floats = NDArray[np.float64]


def reliability(confidences: Floats, right: NDArray[np.bool_], groups: np.ndarray) -> pd.DataFrame:
    """Return accuracy by confidence, in bins of equally many scans.

    Scans with the same confidence stay together, so bins can be fewer and unequal.

    Args:
        confidences: (n,), the confidence of each prediction.
        right: bool (n,), whether the prediction is correct.
        groups: (n,) int, the group of each scan.

    Returns:
        A row for each bin, up to `BINS`: `confidence`, the mean; `right`, the share, with its 95 %
        interval `low` and `high`, by Wilson (1927) with the bin's groups as its independent
        cases, NaN with too few of them; and the numbers of its `scans` and `groups`.
    """
    scans = pd.DataFrame(
        {"confidence": confidences, "right": right.astype(float), "groups": groups}
    )
    rank = (scans["confidence"].rank() - 0.5) / len(scans)
    bins = scans.groupby((rank * min(BINS, len(scans))).astype(int))
    found = bins.agg({"confidence": "mean", "right": "mean", "groups": "nunique"})
    low, high = _wilson(found["right"].to_numpy(float), found["groups"].to_numpy(float))
    few = found["groups"].map(too_few).to_numpy(bool)
    low, high = (np.where(few, np.nan, one) for one in (low, high))
    found = found.assign(low=low, high=high, scans=bins.size()).round(6)
    return found[["confidence", "right", "low", "high", "scans", "groups"]].reset_index(drop=True)


def _wilson(share: Floats, cases: Floats) -> tuple[Floats, Floats]:
    square = _NORMAL**2 / cases
    middle = (share + square / 2) / (1 + square)
    half = np.sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)
