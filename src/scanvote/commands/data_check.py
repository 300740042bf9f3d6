"""`scanvote data check`: check the user's data before any stage runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from scanvote.core.parallel import parallel_map
from scanvote.datasets.base import Scan
from scanvote.datasets.registry import known_sets
from scanvote.datasets.user_data import check_apart, read_layout, set_name
from scanvote.datasets.user_data.ingest import check_classes, check_names, ingest
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, SkippedFile
from scanvote.images.decode import DecodeError, decode_image
from scanvote.params import Params, Task
from scanvote.pipeline.download.file_check import FileCheck, check_file
from scanvote.pipeline.download.integrity import Issue, check_usable, issues

IMAGES = 20_000
VOLUMES = 20
"""Maximum of images and of volumes to read; of more, evenly spaced ones are read."""
ARRAYS = 2_000
"""Likewise of pictures in arrays, which are written to a file before they are read."""
COLOURS = 50
"""Images whose pixel values are checked for colours."""
FOUND = ("mask_values", "several_pictures")
"""Kinds of issues that a sample of the data can show."""


@dataclass(frozen=True)
class Check:
    """Result of the check for one task.

    Attributes:
        path: the path that the user gave.
        task: the task.
        reading: layout of the data, from the names of the files alone.
        looked: the items that were read.
        scans: the scans made of `looked`.
        file_checks: the check of each scan's file.
        issues: their issues, one row each, as in ``integrity.csv``.
        unreadable: the items that cannot be read.
        coloured: most images have colours.
        renamed: classes to which `classification.labels` gives another name.
    """

    path: Path
    task: Task
    reading: DatasetLayout
    looked: list[DatasetItem]
    scans: list[Scan]
    file_checks: list[FileCheck]
    issues: pd.DataFrame
    unreadable: list[SkippedFile]
    coloured: bool
    renamed: frozenset[str]


def check(path: Path, task: Task, params: Params) -> Check:
    """Check the data in `path` for a task, without lasting files.

    At most `IMAGES` images are decoded and at most `VOLUMES` volumes cut into slices; the
    values of all masks are counted, as they say together what a mask marks.

    Raises:
        InputError: the data cannot serve `task`.
    """
    check_apart(path, Path("data/raw", task))
    reading = read_layout(path, task, params)
    check_names(reading.items)
    looked = _sample(reading.items)
    with TemporaryDirectory(prefix="scanvote-") as folder:
        done = ingest(reading, looked, Path(folder), params, link=True)
        checks = parallel_map(partial(check_file, Path(folder)), done.scans, "Check")
        coloured = _has_colours([Path(folder, scan.path) for scan in done.scans])
    scans, name = done.scans, set_name(path, known_sets())
    if len(looked) == len(reading.items):
        check_classes(path, looked, done)
    check_usable(task, scans, checks)
    found = [Issue(one.kind, one.name or name, one.detail) for one in done.findings]
    table = issues(task, [name] * len(scans), scans, checks, found)
    if len(looked) < len(reading.items):
        # issues of whole classes or sets rest on counts, which a sample cannot give
        table = table[table["path"].isin({s.path for s in scans}) | table["kind"].isin(FOUND)]
    renamed = frozenset(params.classification.labels)
    return Check(path, task, reading, looked, scans, checks, table, done.skipped, coloured, renamed)


def patients(one: Check) -> tuple[int, int]:
    """Count the known patients, and the scans read whose patient is unknown."""
    # of DICOM in a table only the headers tell, when they are read
    known = {item.patient for item in one.reading.items} | {scan.patient for scan in one.scans}
    return len(known - {""}), sum(not scan.patient for scan in one.scans)


def _sample(items: Sequence[DatasetItem]) -> list[DatasetItem]:
    """Return the items to read: images, then volumes, then pictures in arrays."""
    images = [item for item in items if item.kind == "image"]
    arrays = [item for item in items if item.kind == "array"]
    volumes = [item for item in items if item.kind not in ("image", "array")]
    return _spaced(images, IMAGES) + _spaced(volumes, VOLUMES) + _spaced(arrays, ARRAYS)


def _spaced(items: Sequence[DatasetItem], max_items: int) -> list[DatasetItem]:
    if len(items) <= max_items:
        return list(items)
    return [items[at * len(items) // max_items] for at in range(max_items)]


def _has_colours(paths: Sequence[Path]) -> bool:
    """Tell if most images have colours, beyond the noise of JPEG."""
    differ = []
    for path in paths[:: max(1, len(paths) // COLOURS)]:
        try:
            image = decode_image(path).astype(np.int16)
        except DecodeError:
            continue
        differ.append(float(np.ptp(image, axis=2).mean()) > 2)
    return bool(differ) and sum(differ) > len(differ) / 2
