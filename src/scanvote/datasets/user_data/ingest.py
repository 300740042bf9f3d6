"""The user's data as a folder of scans of ours: images copied, volumes cut to slices."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.core.parallel import parallel_map
from scanvote.datasets.base import Scan
from scanvote.datasets.scan_list import IGNORED, write_scan_list
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, SkippedFile
from scanvote.datasets.user_data.scan_tree import stem
from scanvote.params import VolumesParams

BLOCK = 1 << 20
WORTH_A_POOL = 32
"""Volumes from which on cutting them pays for the start of other processes."""


def ingest_all(root: Path, reading: DatasetLayout, folder: Path, params: VolumesParams) -> None:
    """Make `folder`: the scans of `reading`, ``scans.csv``, and ``ignored.csv`` with the rest.

    An image whose file cannot be opened, or a volume that cannot be read, is left out and
    told of in ``ignored.csv``.

    Args:
        root: what the user named, for messages.
        reading: what it holds.
        folder: must not exist.
        params: how volumes are cut.

    Raises:
        InputError: nothing of the data or of a class can be brought, or two files would
            get one name.
    """
    check_names(reading.items)
    folder.mkdir(parents=True)
    scans, left = ingest_each(reading.items, folder, params)
    _check_classes(root, reading.items, scans, left)
    write_scan_list(scans, folder)
    # where the data lie differs from machine to machine; what is wrong with them does not
    rows = [(one.name, one.reason.replace(f"{root}/", "")) for one in [*reading.left, *left]]
    write_csv(pd.DataFrame(rows, columns=["name", "reason"]), folder / IGNORED)


def ingest_each(
    items: Sequence[DatasetItem], folder: Path, params: VolumesParams
) -> tuple[list[Scan], list[SkippedFile]]:
    """The scans made of `items` in `folder`, in their order, and what cannot be read."""
    volumes = sum(item.kind != "image" for item in items)
    processes = (os.cpu_count() or 1) if volumes >= WORTH_A_POOL else 1
    made = parallel_map(partial(_made, folder, params), items, "Bring", processes)
    scans = [scan for one in made if not isinstance(one, SkippedFile) for scan in one]
    return scans, [one for one in made if isinstance(one, SkippedFile)]


def _made(folder: Path, params: VolumesParams, item: DatasetItem) -> list[Scan] | SkippedFile:
    try:
        return _copied(folder, item) if item.kind == "image" else _cut(folder, params, item)
    except InputError as error:
        return SkippedFile(item.name, str(error))


def _copied(folder: Path, item: DatasetItem) -> list[Scan]:
    _copy(item.files[0], folder / item.name)
    if item.mask:
        _copy(item.mask, folder / item.mask_name)
    return [_scan(item, item.name, item.mask_name, {})]


def _copy(source: Path, target: Path) -> None:
    try:
        file = source.open("rb")
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    with file, target.open("wb") as copy:
        while block := _block(file):
            copy.write(block)


def _block(file: IO[bytes]) -> bytes:
    """The next bytes; what cannot be read is a fault of the file, what cannot be written is not."""
    try:
        return file.read(BLOCK)
    except OSError as error:
        raise InputError(f"{file.name} cannot be read: {error.strerror}") from None


def _cut(folder: Path, params: VolumesParams, item: DatasetItem) -> list[Scan]:
    from scanvote.datasets.volumes import read_dicom, read_nifti, write_slices

    volume = read_nifti(item.files[0]) if item.kind == "nifti" else read_dicom(item.files)
    mask = read_nifti(item.mask) if item.mask else None
    place = PurePosixPath(item.name)
    own = (place.parent / stem(place.name)).as_posix()
    # a folder below the class may be a series as well as a patient: the header knows
    patient = (item.patient if item.listed else "") or volume.patient or item.patient
    known = replace(item, patient=patient, series=item.series or own)
    (folder / place.parent).mkdir(parents=True, exist_ok=True)
    cuts = write_slices(volume, params, folder / place.parent, stem(place.name), mask)
    return [
        _scan(known, _below(folder, path), _below(folder, marked) if marked else "", facts)
        for path, marked, facts in cuts
    ]


def _below(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _scan(item: DatasetItem, path: str, mask_path: str, facts: Mapping[str, str]) -> Scan:
    return Scan(
        path=path,
        label=item.label,
        mask_path=mask_path,
        patient=item.patient,
        series=item.series,
        source_split=item.source_split,
        facts={**item.facts, **facts},
    )


def check_names(items: Sequence[DatasetItem]) -> None:
    """Refuse names that differ in nothing but case, or volumes in nothing but their ending."""
    seen: dict[str, str] = {}
    for item in items:
        name = item.name if item.kind == "image" else stem(item.name)
        before = seen.setdefault(name.casefold(), item.name)
        if before != item.name:
            raise InputError(
                f"{before} and {item.name} would get one name where case and ending do not"
                " matter; rename one of them"
            )


def _check_classes(
    root: Path, items: Sequence[DatasetItem], scans: Sequence[Scan], left: Sequence[SkippedFile]
) -> None:
    have = {scan.label for scan in scans}
    reasons = {one.name: one.reason for one in left}
    for item in items:
        if item.label not in have:
            of = f" of the class {item.label!r}" if item.label else ""
            reason = reasons[item.name]
            which = "" if item.name in reason else f"{item.name}: "
            raise InputError(f"{root}: nothing{of} can be read ({which}{reason})")
