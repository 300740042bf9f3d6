"""The descriptors of the scans of the training, and the distance of others to the nearest."""

import pickle
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanvote.arrays import load_shard
from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write

MOST = 20_000
"""Scans of the training that are kept."""
_FLOOR = 0.1
"""Least spread of a number, in medians of all: what never changed in training may, a little."""
_AT_ONCE = 256
"""Scans whose distances to all others are in memory."""
_NEAR = 16
"""The nearest by products, of which the nearest is chosen."""
_FAR = 60_000
"""The largest number, near the largest of float16."""

Descriptors = NDArray[np.float32]
"""(n, d)."""


@dataclass(frozen=True)
class Reference:
    """Where the scans of the training lie, and how distances to them are measured.

    Attributes:
        centre: (d,), the mean of the descriptors.
        scale: (d,), what their numbers are divided by.
        rows: float16 (n, d), the descriptors centred and scaled.
    """

    centre: Descriptors
    scale: Descriptors
    rows: NDArray[np.float16]

    def distances(self, descriptors: Descriptors) -> NDArray[np.float64]:
        """(n,), Euclid's to the nearest scan of the training."""
        asked = _placed(descriptors, self.centre, self.scale)
        parts = range(0, len(asked), _AT_ONCE)
        found = [self._nearest(asked[first : first + _AT_ONCE]) for first in parts]
        return np.concatenate(found) if found else np.zeros(0)

    @cached_property
    def _lengths(self) -> tuple[Descriptors, Descriptors]:
        """The rows as numbers to compute with (n, d), and their squared lengths (n,)."""
        rows = self.rows.astype(np.float32)
        return rows, (rows**2).sum(axis=1)

    def _nearest(self, asked: NDArray[np.float16]) -> NDArray[np.float64]:
        rows, lengths = self._lengths
        some = asked.astype(np.float32)
        # the products tell which are nearest, not how near: they round away what is small,
        # and otherwise for each number of scans that are asked about together
        count = min(_NEAR, len(rows))
        near = np.argpartition(lengths - 2 * some @ rows.T, count - 1, axis=1)[:, :count]
        pairs = zip(some.astype(float), near, strict=True)
        return np.array([np.linalg.norm(rows[few] - one, axis=1).min() for one, few in pairs])

    def write(self, path: Path) -> None:
        arrays = {"centre": self.centre, "scale": self.scale, "rows": self.rows}
        with atomic_write(path) as beside, beside.open("wb") as file:
            pickle.dump({key: np.ascontiguousarray(a) for key, a in arrays.items()}, file, 5)

    @classmethod
    def read(cls, path: Path) -> "Reference":
        """What `write` left.

        Raises:
            InputError: the file is missing, or no such arrays.
        """
        try:
            with path.open("rb") as file:
                found = cls(**load_shard(file))
        except FileNotFoundError:
            raise InputError(f"{path} is missing; run `dvc repro package`") from None
        except (pickle.UnpicklingError, TypeError) as error:
            raise InputError(f"{path} is refused: {error}; run `dvc repro package`") from None
        widths = {array.shape[-1:] for array in (found.centre, found.scale, found.rows)}
        if found.rows.ndim != 2 or not len(found.rows) or len(widths) > 1:
            raise InputError(f"{path} is refused: it holds no descriptors; run `dvc repro package`")
        return found


def reference_of(*parts: Descriptors) -> Reference:
    """Of the descriptors of the training's scans.

    Args:
        parts: (n, d) each, of different kind: they weigh alike, however many numbers they have.
    """
    scale = np.concatenate([_spread(part) * np.sqrt(part.shape[1]) for part in parts])
    every = np.concatenate(parts, axis=1)
    centre, scale = every.mean(axis=0), scale.astype(np.float32)
    return Reference(centre, scale, _placed(every, centre, scale))


def ood_threshold(distances: NDArray[np.float64], share: float) -> float:
    """The distance within which at least this share lies; above 0, even if all of them are."""
    least = float(np.finfo(np.float32).eps)
    return max(float(np.quantile(distances, share, method="higher")), least)


def _spread(part: Descriptors) -> Descriptors:
    found = part.std(axis=0)
    changing = found[found > 0]
    floor = _FLOOR * float(np.median(changing)) if len(changing) else 1.0
    return np.asarray(np.maximum(found, floor), np.float32)


def _placed(
    descriptors: Descriptors, centre: Descriptors, scale: Descriptors
) -> NDArray[np.float16]:
    return np.asarray(np.clip((descriptors - centre) / scale, -_FAR, _FAR), np.float16)
