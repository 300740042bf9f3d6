"""Find files with equal bytes that are listed under two patients, or in two classes.

Only equal bytes are compared here; `deduplicate` finds the other copies, too.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from scanvote.datasets.base import Scan
from scanvote.pipeline.download.file_check import FileCheck

PLACEHOLDER = 3
"""Patients of one set from which on a picture is of none of them ("no image available")."""

Used = tuple[str, Scan, FileCheck]
"""Data set, scan and check of a scan that is used."""


def same_pictures(used: Sequence[Used]) -> Iterator[tuple[str, str, str]]:
    """Yield kind, path and detail of each scan that contradicts an earlier one of equal bytes."""
    by_bytes: dict[str, list[Used]] = defaultdict(list)
    for one in used:
        if one[2].sha256 and not one[2].constant:
            by_bytes[one[2].sha256].append(one)
    for same in by_bytes.values():
        if len(same) > 1 and not _is_placeholder(same):
            yield from _patient_conflicts(same)
            yield from _label_conflicts(same)


def _patient_conflicts(same: Sequence[Used]) -> Iterator[tuple[str, str, str]]:
    first: dict[str, Scan] = {}  # a name of another set may be of the same person
    for source, scan, _ in same:
        if not scan.patient:
            continue
        before = first.setdefault(source, scan)
        if before.patient != scan.patient:
            detail = f"{scan.patient} or {before.patient}? the same picture as {before.path}"
            yield "patient_conflict", scan.path, detail


def _label_conflicts(same: Sequence[Used]) -> Iterator[tuple[str, str, str]]:
    before = same[0][1]
    for _, scan, _ in same[1:]:
        if scan.label != before.label and scan.label and before.label:
            detail = f"{scan.label} or {before.label}? the same picture as {before.path}"
            yield "label_conflict", scan.path, detail


def _is_placeholder(same: Sequence[Used]) -> bool:
    patients: dict[str, set[str]] = defaultdict(set)
    for source, scan, _ in same:
        patients[source] |= {scan.patient} - {""}
    return max(map(len, patients.values())) >= PLACEHOLDER
