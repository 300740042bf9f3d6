"""Manual overrides of the rule for duplicates, from a user's table.

``keep``: the two scans are no copies of each other. ``merge``: they show one image.
``drop``: the scan is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.core.errors import InputError, did_you_mean
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.pairs import as_pairs, concat_pairs
from scanvote.pipeline.deduplicate.user_tables import check_scan, read_lines

COLUMNS = ("action", "scan_id", "other", "reason")
ACTIONS = ("keep", "merge", "drop")


@dataclass(frozen=True)
class Override:
    """A manual override of the rule for rows of the manifest.

    Attributes:
        action: one of `ACTIONS`.
        row: of the scan.
        other: row of the other scan; -1 for ``drop``.
        reason: as written in the table.
        where: file and line, for messages.
    """

    action: str
    row: int
    other: int
    reason: str
    where: str

    @property
    def pair(self) -> tuple[int, int]:
        return min(self.row, self.other), max(self.row, self.other)


def read_overrides(path: Path, frame: pd.DataFrame) -> list[Override]:
    """Read the overrides in `path` for scans of the manifest `frame`.

    Raises:
        InputError: the file is missing, is no table, or lacks a column; or a line names an
            unknown action or scan, lacks a scan, or contradicts or repeats another line.
    """
    rows = {scan_id: row for row, scan_id in enumerate(frame["scan_id"])}
    overrides = [
        _override(f"{path}, line {line}", one, rows, frame["series"].tolist())
        for line, one in read_lines(path, COLUMNS)
    ]
    _check_consistent(overrides)
    return overrides


def apply_overrides(pairs: Pairs, overrides: Sequence[Override]) -> Pairs:
    """Remove pairs that are kept apart or dropped; add merged ones."""
    merged = as_pairs([one.pair for one in overrides if one.action == "merge"])
    return concat_pairs(without_overridden(pairs, overrides), merged)


def without_overridden(pairs: Pairs, overrides: Sequence[Override]) -> Pairs:
    """Remove pairs that are kept apart or dropped."""
    if not overrides:
        return pairs
    apart = {one.pair for one in overrides if one.action == "keep"}
    dropped_rows = dropped(overrides)
    both = zip(pairs[0].tolist(), pairs[1].tolist(), strict=True)
    return as_pairs(
        [
            (i, j)
            for i, j in both
            if (i, j) not in apart and i not in dropped_rows and j not in dropped_rows
        ]
    )


def kept_with_equal_bytes(frame: pd.DataFrame, overrides: Sequence[Override]) -> NDArray[np.bool_]:
    """Return which scans are kept apart although their bytes are equal, bool (n,).

    Who keeps them apart says that the picture does not tell who is shown.
    """
    digests = frame["sha256"].tolist()
    kept = (one for one in overrides if one.action == "keep")
    rows = [row for one in kept if digests[one.row] == digests[one.other] for row in one.pair]
    return np.isin(np.arange(len(frame)), rows)


def dropped(overrides: Sequence[Override]) -> set[int]:
    """Return the rows of dropped scans."""
    return {one.row for one in overrides if one.action == "drop"}


def check_kept_apart(frame: pd.DataFrame, pairs: Pairs, overrides: Sequence[Override]) -> None:
    """Check that scans kept apart are not linked through other scans.

    Args:
        frame: the manifest.
        pairs: the copies, with overrides applied.
        overrides: from the user.

    Raises:
        InputError: two scans that are kept apart are linked as copies through others.
    """
    from scipy.sparse import coo_array  # slow to import, and rarely needed
    from scipy.sparse.csgraph import breadth_first_order

    count = len(frame)
    graph = coo_array((np.ones(len(pairs[0])), pairs), shape=(count, count)).tocsr()
    names = frame["scan_id"].tolist()
    for one in (one for one in overrides if one.action == "keep"):
        reached, predecessors = breadth_first_order(graph, one.row, directed=False)
        if one.other in reached:
            raise InputError(
                f"{one.where}: {names[one.row]} and {names[one.other]} are still joined, through"
                f" {names[predecessors[one.other]]}; keep that pair apart too, or drop one of the"
                " three"
            )


def _override(
    where: str, cells: dict[str, str], rows: dict[str, int], series: list[str]
) -> Override:
    action = cells["action"]
    if action not in ACTIONS:
        raise InputError(f"{where}: no action {action!r}{did_you_mean(action, ACTIONS)}")
    row = _row(where, "scan_id", cells["scan_id"], rows)
    if action == "drop":
        if cells["other"]:
            raise InputError(f"{where}: drop is of one scan, so other should be empty")
        return Override(action, row, -1, cells["reason"], where)
    other = _row(where, "other", cells["other"], rows)
    if row == other:
        raise InputError(f"{where}: scan_id and other are the same scan")
    if action == "merge" and series[row] == series[other] != "":
        raise InputError(f"{where}: both are slices of one series, which stays whole; drop one")
    return Override(action, row, other, cells["reason"], where)


def _row(where: str, column: str, scan_id: str, rows: dict[str, int]) -> int:
    if not scan_id:
        raise InputError(f"{where}: {column} is empty")
    check_scan(scan_id, rows, f"{where}: {column}")
    return rows[scan_id]


def _check_consistent(overrides: Sequence[Override]) -> None:
    first: dict[tuple[int, int], Override] = {}
    dropped_rows = dropped(overrides)
    for one in overrides:
        earlier = first.setdefault(one.pair, one)
        if earlier is not one:
            verb = "repeats" if earlier.action == one.action else "contradicts"
            raise InputError(f"{one.where} {verb} {earlier.where.rpartition(', ')[2]}")
        if one.action == "merge" and dropped_rows & set(one.pair):
            raise InputError(f"{one.where}: a scan that is dropped cannot be merged")
