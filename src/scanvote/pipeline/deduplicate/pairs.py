"""Pairs of similar images: correlate thumbnails, and combine pairs.

A hash alone merges different patients, and correlation alone compares every pair. So the hash
only shortlists, and the correlation confirms: on the 4-class set with altered copies, pairs within
10 bits of a perceptual hash had a precision of 0.043, ours 0.997 (benchmarks/README.md).
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.deduplicate.fingerprints import SIDE, Thumbnails
from scanvote.pipeline.deduplicate.hamming import Indices, Pairs

Correlations = NDArray[np.float64]
"""(m,) float64, one per pair."""
LowFrequencies = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Low frequencies (n, WAVES²) of unit thumbnails, length (n,) of the rest."""

BLOCK = 1024
"""Images or pairs per batch: limits the memory to about 100 MB."""
PIXELS = SIDE * SIDE
WAVES = 16
"""Frequencies per axis that `similar_pairs` compares before all pixels."""
SLACK = 1e-3
"""Tolerance far above float32 rounding, which depends on BLAS threads."""


def similar_pairs(
    thumbnails: Thumbnails, min_correlation: float, selected: NDArray[np.bool_] | None = None
) -> tuple[Pairs, Correlations]:
    """Return pairs that correlate with at least `min_correlation`.

    The product of two thumbnails is that of their low frequencies plus that of the rest, and the
    latter is at most the product of the lengths (Parseval; Cauchy and Schwarz): pairs that cannot
    reach `min_correlation` by that bound are never compared pixel by pixel.

    Args:
        thumbnails: uint8 (n, SIDE, SIDE).
        min_correlation: the smallest correlation.
        selected: bool (n,), if given: pairs with no selected image are left out.

    Returns:
        The pairs, sorted, and their correlations.
    """
    mask = np.ones(len(thumbnails), np.bool_) if selected is None else selected
    order = np.argsort(~mask, kind="stable")
    candidates = _candidate_pairs(
        _low_frequencies(thumbnails, order), int(mask.sum()), min_correlation
    )
    (i, j), values = correlated(
        thumbnails, ((order[one], order[other]) for one, other in candidates), min_correlation
    )
    pairs = np.minimum(i, j), np.maximum(i, j)
    ascending = np.lexsort(pairs[::-1])
    return (pairs[0][ascending], pairs[1][ascending]), values[ascending]


def correlated(
    thumbnails: Thumbnails, parts: Iterable[Pairs], min_correlation: float
) -> tuple[Pairs, Correlations]:
    """Filter batches of pairs by correlation of at least `min_correlation`.

    Returns:
        The pairs and their correlations.
    """
    moments = _moments(thumbnails)
    results = [(np.empty((2, 0), np.int64), np.empty(0))]
    for part in parts:
        values = _correlations(thumbnails, moments, part)
        enough = values >= min_correlation
        results.append((np.stack(part)[:, enough], values[enough]))
    pairs = np.concatenate([pairs for pairs, _ in results], axis=1)
    return (pairs[0], pairs[1]), np.concatenate([values for _, values in results])


def correlations(thumbnails: Thumbnails, pairs: Pairs) -> Correlations:
    """Return Pearson's r of each pair's pixels; 0 if one is constant."""
    return _correlations(thumbnails, _moments(thumbnails), pairs)


def equal_pairs(values: Sequence[str]) -> Pairs:
    """Pair each item with the first one of the same value."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(value, at), at) for at, value in enumerate(values)]
    return as_pairs([(i, j) for i, j in pairs if i != j])


def as_pairs(pairs: Sequence[tuple[int, int]]) -> Pairs:
    """Convert a list of ``(i, j)`` to two arrays."""
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def selected_pairs(pairs: Pairs, selected: NDArray[np.bool_]) -> Pairs:
    """Return the pairs that are selected, bool (m,)."""
    return pairs[0][selected], pairs[1][selected]


def concat_pairs(one: Pairs, other: Pairs) -> Pairs:
    """Concatenate two sets of pairs."""
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])


def connected_components(count: int, pairs: Pairs) -> Indices:
    """Return for each of `count` items the first of its connected component."""
    from scipy.sparse import (
        coo_array,  # slow to import
        csgraph,
    )

    graph = coo_array((np.ones(len(pairs[0])), pairs), shape=(count, count))
    labels = csgraph.connected_components(graph, directed=False)[1]
    return np.asarray(np.unique(labels, return_index=True)[1][labels])


def component_members(component: Indices) -> list[list[int]]:
    """List the components of two or more items, ordered by first item."""
    groups: dict[int, list[int]] = {}
    for item, first in enumerate(component.tolist()):
        groups.setdefault(first, []).append(item)
    return [group for group in groups.values() if len(group) > 1]


def _moments(thumbnails: Thumbnails) -> tuple[Indices, Indices]:
    """Return sum and variance · PIXELS² of each thumbnail, as integers."""
    sums, variances = np.empty((2, len(thumbnails)), np.int64)
    for start in range(0, len(thumbnails), BLOCK):
        part = slice(start, start + BLOCK)
        flat = _flattened(thumbnails[part])
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
            "ij,ij->i", _flattened(thumbnails[i[part]]), _flattened(thumbnails[j[part]])
        )
    covariances = PIXELS * products - sums[i] * sums[j]
    lengths = np.sqrt(variances[i].astype(np.float64) * variances[j])
    return np.divide(covariances, lengths, out=np.zeros(len(i)), where=lengths > 0)


def _flattened(thumbnails: Thumbnails) -> NDArray[np.int32]:
    # sums of PIXELS products of bytes are below 2^29
    return thumbnails.reshape(len(thumbnails), PIXELS).astype(np.int32)


def _low_frequencies(thumbnails: Thumbnails, order: Indices) -> LowFrequencies:
    """Transform thumbnails in `order` by DCT, with mean 0 and length 1."""
    waves = _waves()
    low = np.empty((len(order), WAVES * WAVES), np.float32)
    for start in range(0, len(order), BLOCK):
        grey = thumbnails[order[start : start + BLOCK]].astype(np.float32)
        grey -= grey.mean(axis=(1, 2), keepdims=True)
        length = np.sqrt(np.einsum("ijk,ijk->i", grey, grey))
        grey /= np.where(length > 0, length, 1)[:, None, None]
        low[start : start + BLOCK] = (waves @ grey @ waves.T).reshape(len(grey), -1)
    # 1 for a constant thumbnail too: it is then compared, and correlates with nothing
    rest = np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->i", low, low)))
    return low, rest


def _waves() -> NDArray[np.float32]:
    """Return the first WAVES rows of the orthonormal DCT-II of SIDE values."""
    angle = np.pi * np.outer(np.arange(WAVES), np.arange(SIDE) + 0.5) / SIDE
    scale = np.where(np.arange(WAVES) > 0, 2, 1)[:, None] / SIDE
    return (np.sqrt(scale) * np.cos(angle)).astype(np.float32)


def _candidate_pairs(
    vectors: LowFrequencies, selected_count: int, min_correlation: float
) -> Iterator[Pairs]:
    """Yield positions (i, j) that may correlate enough.

    i < j, and i is among the first `selected_count` positions.
    """
    low, rest = vectors
    for start in range(0, selected_count, BLOCK):
        end = min(start + BLOCK, selected_count)
        bound = low[start:end] @ low[start:].T + rest[start:end, None] * rest[None, start:]
        i, j = np.nonzero(bound >= min_correlation - SLACK)
        above = i < j
        yield i[above] + start, j[above] + start
