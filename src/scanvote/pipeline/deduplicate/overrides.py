"""What a person decided against the rule for duplicates: a table beside the data.

``keep``: the two scans are no copies of each other. ``merge``: they are one image.
``drop``: the scan is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.core.errors import InputError, did_you_mean
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.user_tables import check_scan, read_lines

COLUMNS = ("action", "scan_id", "other", "reason")
ACTIONS = ("keep", "merge", "drop")


@dataclass(frozen=True)
class Override:
    """One decision, by rows of the manifest.

    Attributes:
        action: of `ACTIONS`.
        row: of the scan.
        other: row of the other scan; -1 for ``drop``.
        reason: what the person wrote.
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
    """The decisions in `path`, about the scans of the manifest `frame`.

    Raises:
        InputError: the file is missing, no table, lacks a column, or a line of it names an
            unknown action or scan, lacks a scan, or contradicts or repeats another.
    """
    rows = {scan_id: row for row, scan_id in enumerate(frame["scan_id"])}
    found = [
        _decision(f"{path}, line {line}", one, rows, frame["series"].tolist())
        for line, one in read_lines(path, COLUMNS)
    ]
    _check_consistent(found)
    return found


def apply_overrides(pairs: Pairs, decisions: Sequence[Override]) -> Pairs:
    """`pairs` of copies without what is kept apart or dropped, and with what is merged."""
    apart = {one.pair for one in decisions if one.action == "keep"}
    gone = dropped(decisions)
    both = zip(pairs[0].tolist(), pairs[1].tolist(), strict=True)
    left = [(i, j) for i, j in both if (i, j) not in apart and i not in gone and j not in gone]
    left += [one.pair for one in decisions if one.action == "merge"]
    table = np.array(left, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def dropped(decisions: Sequence[Override]) -> set[int]:
    """Rows of the scans that are left out."""
    return {one.row for one in decisions if one.action == "drop"}


def check_kept_apart(frame: pd.DataFrame, pairs: Pairs, decisions: Sequence[Override]) -> None:
    """See that what is kept apart is not joined through other scans.

    Args:
        frame: the manifest.
        pairs: the copies, overruled.
        decisions: of the person.

    Raises:
        InputError: two scans that are kept apart are both copies of a third one.
    """
    from scipy.sparse import coo_array  # slow to import, for what most tables do not ask
    from scipy.sparse.csgraph import breadth_first_order

    count = len(frame)
    graph = coo_array((np.ones(len(pairs[0])), pairs), shape=(count, count)).tocsr()
    names = frame["scan_id"].tolist()
    for one in (one for one in decisions if one.action == "keep"):
        reached, before = breadth_first_order(graph, one.row, directed=False)
        if one.other in reached:
            raise InputError(
                f"{one.where}: {names[one.row]} and {names[one.other]} are still joined, through "
                f"{names[before[one.other]]}; keep that pair apart too, or drop one of the three"
            )


def _decision(where: str, one: dict[str, str], rows: dict[str, int], series: list[str]) -> Override:
    action = one["action"]
    if action not in ACTIONS:
        raise InputError(f"{where}: no action {action!r}{did_you_mean(action, ACTIONS)}")
    row = _row(where, "scan_id", one["scan_id"], rows)
    if action == "drop":
        if one["other"]:
            raise InputError(f"{where}: drop is of one scan, so other should be empty")
        return Override(action, row, -1, one["reason"], where)
    other = _row(where, "other", one["other"], rows)
    if row == other:
        raise InputError(f"{where}: scan_id and other are the same scan")
    if action == "merge" and series[row] == series[other] != "":
        raise InputError(f"{where}: both are slices of one series, which stays whole; drop one")
    return Override(action, row, other, one["reason"], where)


def _row(where: str, column: str, scan_id: str, rows: dict[str, int]) -> int:
    if not scan_id:
        raise InputError(f"{where}: {column} is empty")
    check_scan(scan_id, rows, f"{where}: {column}")
    return rows[scan_id]


def _check_consistent(decisions: Sequence[Override]) -> None:
    first: dict[tuple[int, int], Override] = {}
    gone = dropped(decisions)
    for one in decisions:
        earlier = first.setdefault(one.pair, one)
        if earlier is not one:
            does = "repeats" if earlier.action == one.action else "contradicts"
            raise InputError(f"{one.where} {does} {earlier.where.rpartition(', ')[2]}")
        if one.action == "merge" and gone & set(one.pair):
            raise InputError(f"{one.where}: a scan that is dropped cannot be merged")
