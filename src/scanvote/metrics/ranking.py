"""Ranking metrics of a score: areas under its curves, and points.

Each metric is computed for many weightings of the scans at once, as the bootstrap draws them; the
scans are sorted only once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]
SMALLEST = 1e-12
"""Lower bound of denominators: less than the weight of any scan."""


@dataclass(frozen=True)
class RankedScores:
    """Positive and negative scans, sorted by a score.

    `rows` are the rows of the weights that `with_weights` takes.

    Attributes:
        positive: (k, rows) sparse, the number of positive scans of each row that have each of the k
            different scores of positive scans, the highest score first.
        tied: (k, rows) likewise, the number of negative scans with this score.
        between: (k + 1, rows) likewise, the number of negative scans with a score below the
            previous one and above this one; the last row counts those below all.
    """

    positive: "csr_matrix"
    tied: "csr_matrix"
    between: "csr_matrix"

    @classmethod
    def of(cls, truth: Bools, scores: Floats, rows: Integers | None = None) -> "RankedScores":
        """Sort n scans.

        Args:
            truth: bool (n,), which scans are positive.
            scores: (n,), higher for scans that are more likely positive.
            rows: (n,), the row of the weights that applies to each scan, such as its group; None:
                each scan has its own.
        """
        rows = np.arange(len(truth)) if rows is None else rows
        width = int(rows.max(initial=-1)) + 1
        distinct = np.unique(-scores[truth])
        place = np.searchsorted(distinct, -scores)
        tied = ~truth & np.isin(-scores, distinct)
        return cls(
            _count_matrix(place[truth], rows[truth], (len(distinct), width)),
            _count_matrix(place[tied], rows[tied], (len(distinct), width)),
            _count_matrix(place[~truth & ~tied], rows[~truth & ~tied], (len(distinct) + 1, width)),
        )

    def with_weights(self, weights: Floats) -> "Ranking":
        """Return the ranking under B weightings, (rows, B)."""
        tied, between = self.tied @ weights, self.between @ weights
        upto = np.cumsum(between[:-1] + tied, axis=0)
        negative = between.sum(axis=0) + tied.sum(axis=0)
        return Ranking(self.positive @ weights, upto - tied, upto, negative)


def _count_matrix(places: Integers, rows: Integers, shape: tuple[int, int]) -> "csr_matrix":
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(places)), (places, rows)), shape=shape)


@dataclass(frozen=True)
class Ranking:
    """Weights of positive and negative scans at each positive score.

    There are k different scores of positive scans.

    Attributes:
        positive: (k, B), of the positive scans with this score, the highest score first.
        above, upto: (k, B), of the negative scans with a higher score, and with a higher or equal
            one.
        negative: (B,), of all negative scans.
    """

    positive: Floats
    above: Floats
    upto: Floats
    negative: Floats

    def auroc(self) -> Floats:
        """Return the area under the ROC curve, (B,).

        It is the probability that a positive scan ranks above a negative one, a tie counting half.
        """
        behind = self.negative - (self.above + self.upto) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = self.positive.sum(axis=0) * self.negative
            return np.asarray((self.positive * behind).sum(axis=0) / pairs)

    def average_precision(self) -> Floats:
        """Return the average precision, (B,).

        It is the mean over the positive scans of the precision at their score. NaN without
        a positive or without a negative scan.
        """
        found = np.cumsum(self.positive, axis=0)
        precision = found / np.maximum(found + self.upto, SMALLEST)
        with np.errstate(invalid="ignore"):
            mean = (self.positive * precision).sum(axis=0) / self.positive.sum(axis=0)
        return np.asarray(np.where(self.negative > 0, mean, np.nan))

    def sensitivity_at(self, specificity: float) -> Floats:
        """Return the highest sensitivity at this or a higher specificity, (B,)."""
        whole = self.positive.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            false = self.upto / self.negative
            true = np.cumsum(self.positive, axis=0) / whole
        # 1e-9: a sum of shares is subject to rounding
        kept = np.where(false <= 1 - specificity + 1e-9, true, 0.0).max(axis=0, initial=0.0)
        return np.asarray(np.where((whole > 0) & (self.negative > 0), kept, np.nan))
