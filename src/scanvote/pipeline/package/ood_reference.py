"""Descriptors of the training scans, and distances to the nearest."""

import pickle
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanvote.arrays import load_shard
from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write
from scanvote.pipeline.package.metadata import COMMAND

MOST = 20_000
"""Maximum number of training scans."""
_FLOOR = 0.1
"""Minimum spread of a number, in medians of all: a number that was constant in training may still
vary a little."""
_AT_ONCE = 256
"""Scans whose distances to all others are in memory."""
_NEAR = 16
"""Candidates by dot products, among which the exact nearest is chosen."""
_FAR = 60_000
"""Maximum of a number, near the maximum of float16."""

Descriptors = NDArray[np.float32]
"""(n, d)."""


@dataclass(frozen=True)
class Reference:
    """Descriptors of the training scans, with the scaling of distances.

    Attributes:
        centre: (d,), the mean of the descriptors.
        scale: (d,), the divisors of their numbers.
        rows: float16 (n, d), the descriptors centred and scaled.
    """

    centre: Descriptors
    scale: Descriptors
    rows: NDArray[np.float16]

    def distances(self, descriptors: Descriptors) -> NDArray[np.float64]:
        """Return Euclidean distances to the nearest training scan, (n,)."""
        scaled = _scaled(descriptors, self.centre, self.scale)
        parts = range(0, len(scaled), _AT_ONCE)
        nearest = [self._nearest(scaled[first : first + _AT_ONCE]) for first in parts]
        return np.concatenate(nearest) if nearest else np.zeros(0)

    @cached_property
    def _lengths(self) -> tuple[Descriptors, Descriptors]:
        """The rows as float32 (n, d), and their squared lengths (n,)."""
        rows = self.rows.astype(np.float32)
        return rows, (rows**2).sum(axis=1)

    def _nearest(self, scaled: NDArray[np.float16]) -> NDArray[np.float64]:
        rows, lengths = self._lengths
        queries = scaled.astype(np.float32)
        # dot products only select candidates: their rounding hides small distances, and depends on
        # the number of scans in the batch
        count = min(_NEAR, len(rows))
        candidates = np.argpartition(lengths - 2 * queries @ rows.T, count - 1, axis=1)[:, :count]
        pairs = zip(queries.astype(float), candidates, strict=True)
        return np.array([np.linalg.norm(rows[near] - one, axis=1).min() for one, near in pairs])

    def write(self, path: Path) -> None:
        arrays = {"centre": self.centre, "scale": self.scale, "rows": self.rows}
        with atomic_write(path) as beside, beside.open("wb") as file:
            pickle.dump({key: np.ascontiguousarray(a) for key, a in arrays.items()}, file, 5)

    @classmethod
    def read(cls, path: Path) -> "Reference":
        """Read a file of `write`.

        Raises:
            InputError: the file is missing, or holds no such arrays.
        """
        try:
            with path.open("rb") as file:
                reference = cls(**load_shard(file))
        except FileNotFoundError:
            raise InputError(f"{path} is missing; run `{COMMAND}`") from None
        except (pickle.UnpicklingError, TypeError) as error:
            raise InputError(f"{path} is refused: {error}; run `{COMMAND}`") from None
        widths = {array.shape[-1:] for array in (reference.centre, reference.scale, reference.rows)}
        if reference.rows.ndim != 2 or not len(reference.rows) or len(widths) > 1:
            raise InputError(f"{path} is refused: it holds no descriptors; run `{COMMAND}`")
        return reference


def reference_of(*parts: Descriptors) -> Reference:
    """Create the reference from descriptors of the training scans.

    Args:
        parts: (n, d) each, of different kinds; the kinds have equal weight, whatever their d.
    """
    scale = np.concatenate([_spread(part) * np.sqrt(part.shape[1]) for part in parts])
    descriptors = np.concatenate(parts, axis=1)
    centre, scale = descriptors.mean(axis=0), scale.astype(np.float32)
    return Reference(centre, scale, _scaled(descriptors, centre, scale))


def ood_threshold(distances: NDArray[np.float64], share: float) -> float:
    """Return the distance within which at least this share lies.

    It is above 0, even if all distances are 0.
    """
    smallest = float(np.finfo(np.float32).eps)
    return max(float(np.quantile(distances, share, method="higher")), smallest)


def _spread(part: Descriptors) -> Descriptors:
    spread = part.std(axis=0)
    changing = spread[spread > 0]
    floor = _FLOOR * float(np.median(changing)) if len(changing) else 1.0
    return np.asarray(np.maximum(spread, floor), np.float32)


def _scaled(
    descriptors: Descriptors, centre: Descriptors, scale: Descriptors
) -> NDArray[np.float16]:
    return np.asarray(np.clip((descriptors - centre) / scale, -_FAR, _FAR), np.float16)
