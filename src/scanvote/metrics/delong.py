"""DeLong's test of two ROC areas on the same scans.

DeLong, DeLong and Clarke-Pearson 1988, computed from midranks as in Sun and Xu 2014. It assumes
independent scans, which slices of one patient are not: the bootstrap interval over groups does not
assume this and is stricter.
"""

import numpy as np

from scanvote.metrics.bootstrap import SAME
from scanvote.metrics.ranking import Bools, Floats
from scanvote.metrics.results import ClassifierOutput


def contributions(truth: Bools, scores: Floats) -> tuple[float, Floats]:
    """Return the area, and each scan's contribution to its error.

    The sum over the scans of the product of two scores' contributions is DeLong's covariance of
    their areas.

    Args:
        truth: bool (n,), which scans are positive.
        scores: (n,).

    Returns:
        The area, and (n,) contributions, which have mean 0 among positive and among negative scans;
        NaN without two scans of each kind.
    """
    from scipy.stats import rankdata

    ranks, area = rankdata(scores), np.full(len(truth), np.nan)
    for kind in (truth, ~truth):
        if kind.all() or not kind.any():
            return float("nan"), area
        # share of the other kind with a lower score, a tie counting half
        below = (ranks[kind] - rankdata(scores[kind])) / (~kind).sum()
        area[kind] = below if kind is truth else 1 - below
    total = float(area[truth].mean())
    deviations = np.empty(len(truth))
    for kind in (truth, ~truth):
        number = kind.sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            deviations[kind] = (area[kind] - total) / np.sqrt(number * (number - 1.0))
    return total, deviations


def macro_contributions(output: ClassifierOutput) -> tuple[float, Floats]:
    """Return macro AUROC and each scan's contribution to its error.

    The contribution of a scan is its mean over the areas of all classes, so that their covariance,
    as they share the scans, is included. With two classes this is DeLong's own test.
    """
    parts = [
        contributions(output.is_class(code), output.probabilities[:, code])
        for code in range(len(output.labels))
    ]
    areas, deviations = zip(*parts, strict=True)
    return float(np.mean(areas)), np.mean(deviations, axis=0)


def delong(one: ClassifierOutput, other: ClassifierOutput) -> float:
    """Return the two-sided p value for equal macro AUROC of two models.

    Args:
        one, other: of the same scans in the same order.

    Returns:
        1 if both rank alike; NaN if the areas are undefined, or differ while their difference has
        no variance, as for a perfect and a constant classifier.
    """
    from scipy.special import ndtr

    (area, deviations), (other_area, other_deviations) = map(macro_contributions, (one, other))
    difference, variance = area - other_area, float(((deviations - other_deviations) ** 2).sum())
    if variance < SAME**2:
        return 1.0 if abs(difference) < SAME else float("nan")
    return float(2 * ndtr(-abs(difference) / np.sqrt(variance)))
