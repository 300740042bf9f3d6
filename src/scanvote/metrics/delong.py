"""DeLong's test of two areas under the ROC curve of the same scans.

DeLong, DeLong and Clarke-Pearson 1988, by midranks as Sun and Xu 2014 found them to suffice. It
takes the scans as independent, which slices of one patient are not: the interval of the bootstrap
over groups, which does not, is the stricter judge.
"""

import numpy as np

from scanvote.metrics.bootstrap import SAME
from scanvote.metrics.ranking import Bools, Floats
from scanvote.metrics.results import ClassifierOutput


def contributions(truth: Bools, scores: Floats) -> tuple[float, Floats]:
    """The area, and what each scan adds to its error.

    The sum over the scans of the product of two scores' contributions is DeLong's covariance of
    their areas.

    Args:
        truth: (n,) which scans are positive.
        scores: (n,).

    Returns:
        The area, and (n,) contributions, which are of mean 0 in either kind; NaN where there are
        not two scans of each kind.
    """
    from scipy.stats import rankdata

    ranks, area = rankdata(scores), np.full(len(truth), np.nan)
    for kind in (truth, ~truth):
        if kind.all() or not kind.any():
            return float("nan"), area
        # how much of the other kind scores lower, a tie counting half
        below = (ranks[kind] - rankdata(scores[kind])) / (~kind).sum()
        area[kind] = below if kind is truth else 1 - below
    whole = float(area[truth].mean())
    apart = np.empty(len(truth))
    for kind in (truth, ~truth):
        number = kind.sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            apart[kind] = (area[kind] - whole) / np.sqrt(number * (number - 1.0))
    return whole, apart


def macro_contributions(answers: ClassifierOutput) -> tuple[float, Floats]:
    """Of the mean area of the classes, each against the rest.

    A scan adds its mean contribution to the areas of all classes, so that their covariance, as
    they share the scans, is in the sum. Of two classes it is DeLong's own test.
    """
    parts = [
        contributions(answers.is_class(code), answers.probabilities[:, code])
        for code in range(len(answers.labels))
    ]
    areas, apart = zip(*parts, strict=True)
    return float(np.mean(areas)), np.mean(apart, axis=0)


def delong(one: ClassifierOutput, other: ClassifierOutput) -> float:
    """The two-sided p value that both have the same macro AUROC.

    Args:
        one, other: of the same scans in the same order.

    Returns:
        1 where the two rank alike; NaN where the areas are undefined, or differ without any
        spread to compare the difference with, as a perfect one and a constant one do.
    """
    from scipy.special import ndtr

    (area, apart), (other_area, other_apart) = map(macro_contributions, (one, other))
    difference, variance = area - other_area, float(((apart - other_apart) ** 2).sum())
    if variance < SAME**2:
        return 1.0 if abs(difference) < SAME else float("nan")
    return float(2 * ndtr(-abs(difference) / np.sqrt(variance)))
