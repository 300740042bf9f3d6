"""Find pairs of hashes within a Hamming distance, without brute force.

Multi-index hashing (Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with
Multi-Index Hashing", CVPR 2012): hashes that differ in few bits agree in whole parts, so only
hashes in one bucket of a table are compared. The result is exact. benchmarks/README.md compares
it with brute force and faiss.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanvote.core.parallel import Files, results, workers
from scanvote.core.processors import allowed_processors

Hashes = NDArray[np.uint64]
"""(n,) uint64, 64 bits per image."""
Indices = NDArray[np.int64]
Pairs = tuple[Indices, Indices]
"""``(i, j)``, each (m,) int64, with i < j."""
Table = tuple[int, ...]
"""Parts of a hash that form the key of a table, ascending."""

BITS = 64
AGREEING = 2
"""Parts in a key.

Hashes within `distance` agree in that many of ``distance + AGREEING`` parts.
"""
MAX_DISTANCE = 12
"""Distance beyond which brute force is as fast, as parts get short."""
FULL = 96
"""Hashes in a bucket from which on it is compared in tiles."""
TILE = (64, 4096)
"""Rows and columns of a tile: 2 MB, to fit the cache."""
WORTH_WORKERS = 300_000
"""Hashes from which on the workers of a scheduler search, not threads of this process."""


def pairs_within(hashes: Hashes, distance: int, threads: int | None = None) -> Iterator[Pairs]:
    """Yield the pairs whose hashes differ in at most `distance` bits.

    They come in batches, every pair once. Memory holds the hashes and one batch per thread.

    Args:
        hashes: uint64 (n,).
        distance: 0…64.
        threads: number of threads; by default that of processors. It changes the time only.
    """
    agreeing = AGREEING if distance <= MAX_DISTANCE else 0
    masks = _masks(distance + agreeing) if agreeing else np.empty(0, np.uint64)
    tables = list(combinations(range(len(masks)), agreeing))
    if workers() == 0 and len(hashes) >= WORTH_WORKERS:
        yield from _pairs_by_workers(hashes, distance, masks, tables)
        return
    search = partial(_pairs_of_table, hashes, distance, masks)
    threads = threads or allowed_processors()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(tables), threads):
            yield from pool.map(search, tables[start : start + threads])


def _pairs_by_workers(
    hashes: Hashes, distance: int, masks: Hashes, tables: Sequence[Table]
) -> Iterator[Pairs]:
    """Let workers search the tables: the hashes travel once a worker, as a file."""
    path = Path(".cache", f"hashes-{os.getpid()}.npy")
    path.parent.mkdir(exist_ok=True)
    try:
        np.save(path, hashes)
        search = partial(_pairs_of_file, path, distance, masks)
        yield from results(search, tables, 2, files=lambda _: Files(kept={path.as_posix(): path}))
    finally:
        path.unlink(missing_ok=True)


def _pairs_of_file(path: Path, distance: int, masks: Hashes, table: Table) -> Pairs:
    return _pairs_of_table(np.load(path), distance, masks, table)


def _masks(parts: int) -> Hashes:
    """Return bit masks of `parts` parts of nearly equal length."""
    edges = [BITS * part // parts for part in range(parts + 1)]
    return np.array(
        [(1 << end) - (1 << start) for start, end in pairwise(edges)],
        np.uint64,
    )


def _pairs_of_table(hashes: Hashes, distance: int, masks: Hashes, table: Table) -> Pairs:
    """Return the near pairs that agree in `table` first.

    They agree in its parts, and in no combination of parts before it.
    """
    keys = hashes & np.bitwise_or.reduce(masks[list(table)]) if table else hashes & np.uint64(0)
    order = np.argsort(keys, kind="stable")
    keys, ordered = keys[order], hashes[order]
    edges = np.flatnonzero(np.diff(keys, prepend=~keys[:1], append=~keys[-1:]))
    found = [np.empty((2, 0), np.int64)]
    for near in _near_pairs(ordered, edges, distance):
        first = _first_agreement(ordered[near[0]] ^ ordered[near[1]], masks, table)
        found.append(order[near[:, first]])
    pairs = np.sort(np.concatenate(found, axis=1), axis=0)
    return pairs[0], pairs[1]


def _near_pairs(ordered: Hashes, edges: Indices, distance: int) -> Iterator[Indices]:
    """Yield positions (2, m) of near hashes within a bucket.

    `edges` are the positions where buckets start and end.
    """
    lengths = np.diff(edges)
    end = np.repeat(edges[1:], lengths)
    places = np.flatnonzero(np.repeat(lengths < FULL, lengths))
    step = 1
    # compare each hash with the one `step` positions later, in all buckets at once
    while (places := places[places + step < end[places]]).size:
        near = np.bitwise_count(ordered[places] ^ ordered[places + step]) <= distance
        yield np.stack([places[near], places[near] + step])
        step += 1
    for bucket in np.flatnonzero(lengths >= FULL):
        yield from _near_pairs_in_bucket(
            ordered, int(edges[bucket]), int(edges[bucket + 1]), distance
        )


def _near_pairs_in_bucket(
    ordered: Hashes, start: int, end: int, distance: int
) -> Iterator[Indices]:
    rows, columns = TILE
    for top in range(start, end, rows):
        row = ordered[top : min(top + rows, end), None]
        for left in range(top, end, columns):
            tile = row ^ ordered[None, left : min(left + columns, end)]
            i, j = np.nonzero(np.bitwise_count(tile) <= distance)
            near = np.stack([i + top, j + left])
            yield near[:, near[0] < near[1]]


def _first_agreement(differing: Hashes, masks: Hashes, table: Table) -> NDArray[np.bool_]:
    """Return whether `table` has the first parts in which hashes agree."""
    first = np.ones(len(differing), np.bool_)
    for part in range(table[-1] if table else 0):
        if part not in table:
            first &= (differing & masks[part]) != 0
    return first
