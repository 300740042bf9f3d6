"""`scanvote data check`: what is understood of the user's data, before any stage runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.parallel import parallel_map
from scanvote.datasets.base import Scan
from scanvote.datasets.registry import known_sets
from scanvote.datasets.user_data import read_layout, set_name
from scanvote.datasets.user_data.ingest import check_names, ingest_each
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, SkippedFile
from scanvote.images.decode import DecodeError, decode_image
from scanvote.params import Params, Task
from scanvote.pipeline.download.file_check import FileCheck, check_file
from scanvote.pipeline.download.integrity import check_usable, issues

IMAGES = 20_000
VOLUMES = 20
"""How many are looked into, evenly spaced, where there are more."""
COLOURS = 50
"""Images and masks of which the pixels' values are looked at once more."""


@dataclass(frozen=True)
class Check:
    """What was found for one task.

    Attributes:
        path: what the user named.
        task: what for.
        reading: what is there, no file looked into.
        looked: the items that were looked into.
        scans, seen: those made of `looked`, and what is in their files.
        found: the findings on them, as in ``integrity.csv``.
        unread: the items that cannot be read.
        coloured: whether most images have colours.
        mask_values: the values in the masks, where they are few but more than two.
    """

    path: Path
    task: Task
    reading: DatasetLayout
    looked: list[DatasetItem]
    scans: list[Scan]
    seen: list[FileCheck]
    found: pd.DataFrame
    unread: list[SkippedFile]
    coloured: bool
    mask_values: list[int]


def check(path: Path, task: Task, params: Params) -> Check:
    """Read the data in `path`, decode its images, cut its volumes; nothing is left behind.

    Of more than `IMAGES` images or `VOLUMES` volumes only so many are looked into.

    Raises:
        InputError: the data cannot serve `task`.
    """
    reading = read_layout(path, task)
    check_names(reading.items)
    images = _spaced([item for item in reading.items if item.kind == "image"], IMAGES)
    volumes = _spaced([item for item in reading.items if item.kind != "image"], VOLUMES)
    with TemporaryDirectory(prefix="scanvote-") as folder:
        cut, unread = ingest_each(volumes, Path(folder), params.volumes)
        base = _base(images)
        scans = [_scan(item) for item in images]
        seen = parallel_map(partial(check_file, base), scans, "Check")
        seen += parallel_map(partial(check_file, Path(folder)), cut, "Check")
        coloured = _coloured([base / scan.path for scan in scans])
        values = _values([base / scan.mask_path for scan in scans if scan.mask_path])
    scans += cut
    if unread and not scans:
        raise InputError(f"{path}: no volume can be read ({unread[0].reason})")
    check_usable(task, scans, seen)
    found = issues(task, [set_name(path, known_sets())] * len(scans), scans, seen)
    if len(images) + len(volumes) < len(reading.items):
        # counts of a part tell nothing of the whole
        found = found[found["path"].isin({scan.path for scan in scans})]
    looked = images + volumes
    return Check(path, task, reading, looked, scans, seen, found, unread, coloured, values)


def patients(one: Check) -> tuple[int, int]:
    """How many patients are known, and the scans looked into whose patient is not."""
    known = Counter(scan.patient for scan in one.scans)
    unknown = known.pop("", 0)
    named = {item.patient for item in one.reading.items if item.patient}
    headers = any(item.kind == "dicom" for item in one.looked)
    return len(known) if headers else len(named), unknown


def _spaced(items: Sequence[DatasetItem], most: int) -> list[DatasetItem]:
    if len(items) <= most:
        return list(items)
    return [items[at * len(items) // most] for at in range(most)]


def _base(images: Sequence[DatasetItem]) -> Path:
    """The folder that the names of the images count from."""
    if not images:
        return Path()
    return Path(str(images[0].files[0]).removesuffix(images[0].name))


def _scan(item: DatasetItem) -> Scan:
    return Scan(item.name, item.label, item.mask_name, item.patient, source_split=item.source_split)


def _coloured(paths: Sequence[Path]) -> bool:
    """Whether the channels of most images differ, by more than a JPEG makes them."""
    differ = []
    for path in paths[:: max(1, len(paths) // COLOURS)]:
        try:
            image = decode_image(path).astype(np.int16)
        except DecodeError:
            continue
        differ.append(float(np.ptp(image, axis=2).mean()) > 2)
    return bool(differ) and sum(differ) > len(differ) / 2


def _values(paths: Sequence[Path]) -> list[int]:
    """The values in masks that are neither of two values nor a picture."""
    values: set[int] = set()
    for path in paths[:: max(1, len(paths) // COLOURS)]:
        try:
            values |= {int(value) for value in np.unique(decode_image(path))}
        except DecodeError:
            continue
    return sorted(values) if 2 < len(values) <= 16 else []
