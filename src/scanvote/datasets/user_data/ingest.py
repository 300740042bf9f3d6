"""Ingest the user's data: copy images and extract slices of volumes."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.core.parallel import parallel_map
from scanvote.datasets.base import Scan
from scanvote.datasets.scan_list import IGNORED, write_scan_list
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, SkippedFile
from scanvote.datasets.user_data.scan_tree import stem
from scanvote.params import Params

BLOCK = 1 << 20
WORTH_A_POOL = 32
"""Number of volumes from which several processes save time in spite of their start."""


def ingest_all(root: Path, layout: DatasetLayout, folder: Path, params: Params) -> None:
    """Write the scans of `layout` to `folder`, with ``scans.csv`` and ``ignored.csv``.

    An image file that cannot be opened and a volume that cannot be read are left out and
    listed in ``ignored.csv``, with the files that `layout` does not use.

    Args:
        root: path that the user named, for messages.
        layout: layout of the data at `root`.
        folder: target folder, which must not exist.
        params: the whole of params.yaml.

    Raises:
        InputError: nothing of the data or of a class can be read, or two files would get
            the same name.
    """
    check_names(layout.items)
    folder.mkdir(parents=True)
    scans, skipped = ingest_each(layout.items, folder, params)
    _check_classes(root, layout.items, scans, skipped)
    write_scan_list(scans, folder)
    # the path of the data differs between machines, and must not change the table
    rows = [(one.name, one.reason.replace(f"{root}/", "")) for one in [*layout.skipped, *skipped]]
    write_csv(pd.DataFrame(rows, columns=["name", "reason"]), folder / IGNORED)


def ingest_each(
    items: Sequence[DatasetItem], folder: Path, params: Params
) -> tuple[list[Scan], list[SkippedFile]]:
    """Write `items` to `folder`; return their scans, in order, and unreadable files."""
    volumes = sum(item.kind != "image" for item in items)
    processes = (os.cpu_count() or 1) if volumes >= WORTH_A_POOL else 1
    results = parallel_map(partial(_ingest_item, folder, params), items, "Ingest scans", processes)
    scans = [scan for one in results if not isinstance(one, SkippedFile) for scan in one]
    return scans, [one for one in results if isinstance(one, SkippedFile)]


def _ingest_item(folder: Path, params: Params, item: DatasetItem) -> list[Scan] | SkippedFile:
    try:
        if item.kind == "array":
            return _ingest_array(folder, item)
        return (
            _ingest_image(folder, item)
            if item.kind == "image"
            else _ingest_volume(folder, params, item)
        )
    except InputError as error:
        return SkippedFile(item.name, str(error))


def _ingest_image(folder: Path, item: DatasetItem) -> list[Scan]:
    _copy(item.files[0], folder / item.name)
    if item.mask:
        _copy(item.mask, folder / item.mask_name)
    return [_scan(item, item.name, item.mask_name, {})]


def _ingest_array(folder: Path, item: DatasetItem) -> list[Scan]:
    from scanvote.datasets.user_data.array_files import read_array

    image, mask = read_array(item)
    path, mask_path = f"{item.name}.png", f"{item.name}_mask.png" if mask is not None else ""
    _write_png(folder / path, image)
    if mask is not None:
        _write_png(folder / mask_path, mask)
    return [_scan(item, path, mask_path, {})]


def _write_png(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", image if image.ndim == 2 else image[:, :, ::-1])
    assert done
    path.write_bytes(data.tobytes())


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
    """Read the next bytes.

    Only a read error is a fault of the file; a write error keeps its own type.
    """
    try:
        return file.read(BLOCK)
    except OSError as error:
        raise InputError(f"{file.name} cannot be read: {error.strerror}") from None


def _ingest_volume(folder: Path, params: Params, item: DatasetItem) -> list[Scan]:
    from scanvote.datasets.volumes import read_dicom, read_nifti, write_slices

    volume = read_nifti(item.files[0]) if item.kind == "nifti" else read_dicom(item.files)
    mask = read_nifti(item.mask) if item.mask else None
    place = PurePosixPath(item.name)
    default_series = (place.parent / stem(place.name)).as_posix()
    # a folder may be a series instead of a patient, so a header that the layout did not see
    # goes before it; where it did, its patient rests on both
    told = item.patient if item.listed or item.header_patient else ""
    patient = told or volume.patient or item.patient
    known = replace(item, patient=patient, series=item.series or default_series)
    (folder / place.parent).mkdir(parents=True, exist_ok=True)
    slices = write_slices(volume, params.volumes, folder / place.parent, stem(place.name), mask)
    return [
        _scan(
            known, _relative(folder, path), _relative(folder, mask_path) if mask_path else "", facts
        )
        for path, mask_path, facts in slices
    ]


def _relative(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _scan(item: DatasetItem, path: str, mask_path: str, facts: Mapping[str, str]) -> Scan:
    return Scan(
        path=path,
        label=item.label,
        mask_path=mask_path,
        patient=item.patient,
        series=item.series,
        case=item.case,
        source_split=item.source_split,
        facts={**item.facts, **facts},
    )


def check_names(items: Sequence[DatasetItem]) -> None:
    """Refuse names that differ only in case, or volumes only in ending."""
    names: dict[str, str] = {}
    for item in items:
        name = item.name if item.kind == "image" else stem(item.name)
        before = names.setdefault(name.casefold(), item.name)
        if before != item.name:
            raise InputError(
                f"{before} and {item.name} would get one name where case and ending do not"
                " matter; rename one of them"
            )


def _check_classes(
    root: Path, items: Sequence[DatasetItem], scans: Sequence[Scan], skipped: Sequence[SkippedFile]
) -> None:
    labels = {scan.label for scan in scans}
    reasons = {one.name: one.reason for one in skipped}
    for item in items:
        if item.label not in labels:
            of = f" of the class {item.label!r}" if item.label else ""
            reason = reasons[item.name]
            which = "" if item.name in reason else f"{item.name}: "
            raise InputError(f"{root}: nothing{of} can be read ({which}{reason})")
