"""What a score is worth as an order: the area under the ROC curve, and points of it.

Each figure is taken for many weightings of the scans at once, as the bootstrap draws them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Scans of two kinds in the order of a score.

    Attributes:
        positive, negative: (B, k) the weight of each kind at each of k different scores,
            the highest score first, for each of B weightings.
    """

    positive: Floats
    negative: Floats

    @classmethod
    def of(cls, truth: NDArray[np.bool_], scores: Floats, weights: Floats) -> "Ranking":
        """Rank n scans.

        Args:
            truth: (n,) which are positive.
            scores: (n,) the higher the likelier positive.
            weights: (B, n).
        """
        order = np.argsort(-scores, kind="stable")
        falls = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
        sums = [
            np.add.reduceat(np.where(kind[order], weights[:, order], 0.0), falls, axis=1)
            for kind in (truth, ~truth)
        ]
        return cls(*sums)

    def auroc(self) -> Floats:
        """(B,) the chance that a positive scan ranks above a negative one, a tie counting half."""
        above = np.cumsum(self.positive, axis=1) - self.positive / 2
        pairs = self.positive.sum(axis=1) * self.negative.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((above * self.negative).sum(axis=1) / pairs)

    def sensitivity_at(self, specificity: float) -> Floats:
        """(B,) the highest sensitivity of a threshold that keeps so much specificity."""
        with np.errstate(invalid="ignore", divide="ignore"):
            false = np.cumsum(self.negative, axis=1) / self.negative.sum(axis=1, keepdims=True)
            true = np.cumsum(self.positive, axis=1) / self.positive.sum(axis=1, keepdims=True)
        # 1e-9: a sum of shares may miss its value by a rounding
        kept = np.where(false <= 1 - specificity + 1e-9, true, 0.0)
        return np.asarray(np.where(np.isnan(true[:, -1]), np.nan, kept.max(axis=1)))
