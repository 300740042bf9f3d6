"""Which images are copies of each other: functions of thumbnails and of pairs.

A hash alone merges different patients and correlation alone compares every pair, so the
hash only shortlists and the correlation confirms (figures in shared/design.md).
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.deduplicate.fingerprints import SIDE, Thumbnails
from scanvote.pipeline.deduplicate.hamming import Indices, Pairs

Correlations = NDArray[np.float64]
"""(m,) float64, one a pair."""
Low = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Low frequencies (n, WAVES²) of a thumbnail of length 1, and the length (n,) of the rest."""

BLOCK = 1024
"""Images or pairs worked on at a time: bounds the memory at about 100 MB."""
PIXELS = SIDE * SIDE
WAVES = 16
"""Frequencies a side that `similar_pairs` compares before it looks at all pixels."""
SLACK = 1e-3
"""Far above the rounding of float32, whose last bits depend on the threads of the library."""


def similar_pairs(
    thumbnails: Thumbnails, least: float, asked: NDArray[np.bool_] | None = None
) -> tuple[Pairs, Correlations]:
    """Pairs whose thumbnails correlate with at least `least`, and how much they do.

    The product of two thumbnails is that of their low frequencies and of what remains,
    and the latter is at most the product of the lengths (Parseval; Cauchy and Schwarz):
    what cannot reach `least` by that bound is never compared pixel by pixel.

    Args:
        thumbnails: uint8 (n, SIDE, SIDE).
        least: the smallest correlation.
        asked: bool (n,), where given: pairs of two that are not asked about are left out.
    """
    wanted = np.ones(len(thumbnails), np.bool_) if asked is None else asked
    order = np.argsort(~wanted, kind="stable")
    promising = _promising(_low_frequencies(thumbnails, order), int(wanted.sum()), least)
    (i, j), values = correlated(
        thumbnails, ((order[one], order[other]) for one, other in promising), least
    )
    pairs = np.minimum(i, j), np.maximum(i, j)
    rising = np.lexsort(pairs[::-1])
    return (pairs[0][rising], pairs[1][rising]), values[rising]


def correlated(
    thumbnails: Thumbnails, parts: Iterable[Pairs], least: float
) -> tuple[Pairs, Correlations]:
    """Those of the pairs, given in `parts`, that correlate with at least `least`."""
    moments = _moments(thumbnails)
    found = [(np.empty((2, 0), np.int64), np.empty(0))]
    for part in parts:
        values = _correlations(thumbnails, moments, part)
        enough = values >= least
        found.append((np.stack(part)[:, enough], values[enough]))
    pairs = np.concatenate([pairs for pairs, _ in found], axis=1)
    return (pairs[0], pairs[1]), np.concatenate([values for _, values in found])


def correlations(thumbnails: Thumbnails, pairs: Pairs) -> Correlations:
    """Pearson's r of the pixels of each pair; 0 where one of the two is constant."""
    return _correlations(thumbnails, _moments(thumbnails), pairs)


def equal_pairs(values: Sequence[str]) -> Pairs:
    """Each item paired with the first one of the same value."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(value, at), at) for at, value in enumerate(values)]
    return as_pairs([(i, j) for i, j in pairs if i != j])


def as_pairs(pairs: Sequence[tuple[int, int]]) -> Pairs:
    """A list of ``(i, j)`` as two arrays."""
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def concat_pairs(one: Pairs, other: Pairs) -> Pairs:
    """The pairs of both."""
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])


def clusters(count: int, pairs: Pairs) -> Indices:
    """Connected components of `count` items: for each, the first item of its component."""
    from scipy.sparse import coo_array  # slow to import
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs[0])), pairs), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    return np.asarray(np.unique(labels, return_index=True)[1][labels])


def members(component: Indices) -> list[list[int]]:
    """The components of two items or more, each in order, ordered by their first item."""
    groups: dict[int, list[int]] = {}
    for item, first in enumerate(component.tolist()):
        groups.setdefault(first, []).append(item)
    return [group for group in groups.values() if len(group) > 1]


def _moments(thumbnails: Thumbnails) -> tuple[Indices, Indices]:
    """Sum and variance of each thumbnail, the variance times PIXELS²: whole numbers."""
    sums, variances = np.empty((2, len(thumbnails)), np.int64)
    for start in range(0, len(thumbnails), BLOCK):
        part = slice(start, start + BLOCK)
        flat = _flat(thumbnails[part])
        sums[part] = flat.sum(axis=1)
        squares = np.einsum("ij,ij->i", flat, flat).astype(np.int64)
        variances[part] = PIXELS * squares - sums[part] ** 2
    return sums, variances


def _correlations(
    thumbnails: Thumbnails, moments: tuple[Indices, Indices], pairs: Pairs
) -> Correlations:
    (sums, variances), (i, j) = moments, pairs
    products = np.empty(len(i), np.int64)
    for start in range(0, len(i), BLOCK):
        part = slice(start, start + BLOCK)
        products[part] = np.einsum(
            "ij,ij->i", _flat(thumbnails[i[part]]), _flat(thumbnails[j[part]])
        )
    covariances = PIXELS * products - sums[i] * sums[j]
    lengths = np.sqrt(variances[i].astype(np.float64) * variances[j])
    return np.divide(covariances, lengths, out=np.zeros(len(i)), where=lengths > 0)


def _flat(thumbnails: Thumbnails) -> NDArray[np.int32]:
    # sums of PIXELS products of bytes are below 2^29
    return thumbnails.reshape(len(thumbnails), PIXELS).astype(np.int32)


def _low_frequencies(thumbnails: Thumbnails, order: Indices) -> Low:
    """Cosine transform of the thumbnails in `order`, each of mean 0 and length 1."""
    waves = _waves()
    low = np.empty((len(order), WAVES * WAVES), np.float32)
    for start in range(0, len(order), BLOCK):
        grey = thumbnails[order[start : start + BLOCK]].astype(np.float32)
        grey -= grey.mean(axis=(1, 2), keepdims=True)
        length = np.sqrt(np.einsum("ijk,ijk->i", grey, grey))
        grey /= np.where(length > 0, length, 1)[:, None, None]
        low[start : start + BLOCK] = (waves @ grey @ waves.T).reshape(len(grey), -1)
    # of a constant thumbnail too: it is then compared, and correlates with nothing
    rest = np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->i", low, low)))
    return low, rest


def _waves() -> NDArray[np.float32]:
    """The first WAVES rows of the orthonormal cosine transform (DCT-II) of SIDE values."""
    angle = np.pi * np.outer(np.arange(WAVES), np.arange(SIDE) + 0.5) / SIDE
    scale = np.where(np.arange(WAVES) > 0, 2, 1)[:, None] / SIDE
    return (np.sqrt(scale) * np.cos(angle)).astype(np.float32)


def _promising(vectors: Low, asked: int, least: float) -> Iterator[Pairs]:
    """Places (i, j) with i < j and i among the first `asked` that may correlate enough."""
    low, rest = vectors
    for start in range(0, asked, BLOCK):
        end = min(start + BLOCK, asked)
        bound = low[start:end] @ low[start:].T + rest[start:end, None] * rest[None, start:]
        i, j = np.nonzero(bound >= least - SLACK)
        above = i < j
        yield i[above] + start, j[above] + start
