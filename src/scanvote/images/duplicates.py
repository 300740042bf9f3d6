"""Which images are copies of each other: functions of hashes and thumbnails.

A hash alone merges different patients and correlation alone compares every pair, so the
hash only shortlists and the correlation confirms (figures in shared/design.md).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scanvote.images.hashing import SIDE, Hashes, Thumbnails

Indices = NDArray[np.int64]
Pairs = tuple[Indices, Indices]
"""``(i, j)``, each (m,) int64, with i < j, ordered by i, then j."""
Correlations = NDArray[np.float64]
"""(m,) float64, one a pair."""

BLOCK = 1024
"""Images compared with all others at a time: bounds the memory at about 100 MB."""


def near_pairs(hashes: Hashes, distance: int) -> Pairs:
    """Pairs whose hashes differ in at most `distance` of their 64 bits."""
    found = []
    for start in range(0, len(hashes), BLOCK):
        rows = hashes[start : start + BLOCK, None]
        near = np.bitwise_count(rows ^ hashes[None, start:]) <= distance
        found.append(_upper(near, start))
    return _joined(found)


def similar_pairs(thumbnails: Thumbnails, least: float) -> tuple[Pairs, Correlations]:
    """Pairs whose thumbnails correlate with at least `least`, and how much they do."""
    unit = standardised(thumbnails).astype(np.float32)
    found = []
    for start in range(0, len(unit), BLOCK):
        # the product's last bits depend on the threads of the library: only a shortlist
        near = unit[start : start + BLOCK] @ unit[start:].T >= least - 1e-3
        found.append(_upper(near, start))
    return correlated(thumbnails, _joined(found), least)


def correlated(thumbnails: Thumbnails, pairs: Pairs, least: float) -> tuple[Pairs, Correlations]:
    """The pairs that correlate with at least `least`, and how much they do."""
    values = correlations(thumbnails, pairs)
    enough = values >= least
    return (pairs[0][enough], pairs[1][enough]), values[enough]


def correlations(thumbnails: Thumbnails, pairs: Pairs) -> Correlations:
    """Pearson's r of the pixels of each pair; 0 where one of the two is constant."""
    unit = standardised(thumbnails)
    values = np.empty(len(pairs[0]))
    for start in range(0, len(values), BLOCK):
        part = slice(start, start + BLOCK)
        values[part] = np.einsum("ij,ij->i", unit[pairs[0][part]], unit[pairs[1][part]])
    return values


def standardised(thumbnails: Thumbnails) -> NDArray[np.float64]:
    """(n, SIDE, SIDE) to (n, SIDE²), each of mean 0 and length 1, or all 0 if constant."""
    flat = thumbnails.reshape(len(thumbnails), SIDE * SIDE).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", flat, flat))[:, None]
    # resizing leaves a constant image with the noise of its last bits
    constant = length < 1e-3
    return np.where(constant, 0.0, flat / np.where(constant, 1.0, length))


def equal_pairs(values: Sequence[str]) -> Pairs:
    """Each item paired with the first one of the same value."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(value, at), at) for at, value in enumerate(values)]
    return as_pairs([(i, j) for i, j in pairs if i != j])


def as_pairs(pairs: Sequence[tuple[int, int]]) -> Pairs:
    """A list of ``(i, j)`` as two arrays."""
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def clusters(count: int, pairs: Pairs) -> Indices:
    """Connected components of `count` items: for each, the first item of its component."""
    first = list(range(count))

    def root(item: int) -> int:
        while first[item] != item:
            first[item] = first[first[item]]
            item = first[item]
        return item

    for i, j in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True):
        one, other = sorted((root(i), root(j)))
        first[other] = one
    return np.array([root(item) for item in range(count)], np.int64)


def members(component: Indices) -> list[list[int]]:
    """The components of two items or more, each in order, ordered by their first item."""
    groups: dict[int, list[int]] = {}
    for item, first in enumerate(component.tolist()):
        groups.setdefault(first, []).append(item)
    return [group for group in groups.values() if len(group) > 1]


def _upper(near: NDArray[np.bool_], start: int) -> Pairs:
    """Pairs above the diagonal of a block whose first row and column are item `start`."""
    i, j = np.nonzero(near)
    above = i < j
    return i[above].astype(np.int64) + start, j[above].astype(np.int64) + start


def _joined(found: list[Pairs]) -> Pairs:
    empty = np.empty(0, np.int64)
    return (
        np.concatenate([empty, *(i for i, _ in found)]),
        np.concatenate([empty, *(j for _, j in found)]),
    )
