"""What a score is worth as an order: the areas under its curves, and points of them.

Each figure is taken for many weightings of the scans at once, as the bootstrap draws them; the
scans are sorted once.
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
"""Of what is divided by: less than any scan weighs."""


@dataclass(frozen=True)
class RankedScores:
    """Scans of two kinds, sorted by a score.

    Attributes:
        positive: (k, rows) sparse, how many positive scans of each row of the weightings have
            each of the k different scores of positive scans, the highest first.
        tied: (k, rows) likewise, the negative scans that have it.
        between: (k + 1, rows) likewise, the negative scans that score lower than the one before
            and higher than this one; at the end those below all.
    """

    positive: "csr_matrix"
    tied: "csr_matrix"
    between: "csr_matrix"

    @classmethod
    def of(cls, truth: Bools, scores: Floats, rows: Integers | None = None) -> "RankedScores":
        """Sort n scans.

        Args:
            truth: (n,) which are positive.
            scores: (n,) the higher the likelier positive.
            rows: (n,) whose weight each scan has, as its group's; None: its own.
        """
        rows = np.arange(len(truth)) if rows is None else rows
        width = int(rows.max(initial=-1)) + 1
        known = np.unique(-scores[truth])
        place = np.searchsorted(known, -scores)
        tied = ~truth & np.isin(-scores, known)
        return cls(
            _counted(place[truth], rows[truth], (len(known), width)),
            _counted(place[tied], rows[tied], (len(known), width)),
            _counted(place[~truth & ~tied], rows[~truth & ~tied], (len(known) + 1, width)),
        )

    def with_weights(self, weights: Floats) -> "Ranking":
        """The order under B weightings, (rows, B)."""
        tied, between = self.tied @ weights, self.between @ weights
        upto = np.cumsum(between[:-1] + tied, axis=0)
        negative = between.sum(axis=0) + tied.sum(axis=0)
        return Ranking(self.positive @ weights, upto - tied, upto, negative)


def _counted(places: Integers, rows: Integers, shape: tuple[int, int]) -> "csr_matrix":
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(places)), (places, rows)), shape=shape)


@dataclass(frozen=True)
class Ranking:
    """What scans of two kinds weigh at each of the k different scores of the positive ones.

    Attributes:
        positive: (k, B) of the positive scans with this score, the highest score first.
        above, upto: (k, B) of the negative scans that score higher, and so high or higher.
        negative: (B,) of all negative scans.
    """

    positive: Floats
    above: Floats
    upto: Floats
    negative: Floats

    def auroc(self) -> Floats:
        """(B,) the chance that a positive scan ranks above a negative one, a tie counting half."""
        behind = self.negative - (self.above + self.upto) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = self.positive.sum(axis=0) * self.negative
            return np.asarray((self.positive * behind).sum(axis=0) / pairs)

    def average_precision(self) -> Floats:
        """(B,) the mean over the positive scans of the precision at their score.

        NaN without a positive or a negative scan.
        """
        found = np.cumsum(self.positive, axis=0)
        precision = found / np.maximum(found + self.upto, SMALLEST)
        with np.errstate(invalid="ignore"):
            mean = (self.positive * precision).sum(axis=0) / self.positive.sum(axis=0)
        return np.asarray(np.where(self.negative > 0, mean, np.nan))

    def sensitivity_at(self, specificity: float) -> Floats:
        """(B,) the highest sensitivity of a threshold that keeps so much specificity."""
        whole = self.positive.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            false = self.upto / self.negative
            true = np.cumsum(self.positive, axis=0) / whole
        # 1e-9: a sum of shares may miss its value by a rounding
        kept = np.where(false <= 1 - specificity + 1e-9, true, 0.0).max(axis=0, initial=0.0)
        return np.asarray(np.where((whole > 0) & (self.negative > 0), kept, np.nan))
