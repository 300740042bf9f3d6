"""Ingest the user's data: copy images and extract slices of volumes."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.core.machine import raise_fault
from scanvote.core.parallel import parallel_map, processes_for
from scanvote.datasets.scan_list import IGNORED, write_findings, write_scan_list
from scanvote.datasets.user_data.ingest_images import ingest_array, ingest_image
from scanvote.datasets.user_data.ingest_volumes import ingest_volume
from scanvote.datasets.user_data.ingested import Ingested, Target
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, SkippedFile
from scanvote.datasets.user_data.mask_rule import find_mask_rule
from scanvote.datasets.user_data.scan_tree import stem
from scanvote.params import Params

WORTH_A_POOL = 32
"""Number of volumes from which several processes save time in spite of their start."""


def ingest_all(root: Path, layout: DatasetLayout, folder: Path, params: Params) -> None:
    """Write the scans of `layout` to `folder`, with ``scans.csv`` and ``ignored.csv``.

    An image file that cannot be opened and a volume that cannot be read are left out and
    listed in ``ignored.csv``, with the files that `layout` does not use. What is odd in the
    files is in ``findings.csv``.

    Args:
        root: path that the user named, for messages.
        layout: layout of the data at `root`.
        folder: target folder, which must not exist.
        params: the whole of params.yaml.

    Raises:
        InputError: nothing of the data or of a class can be read, two files would get
            the same name, or no mask holds a label that is to be marked.
    """
    check_names(layout.items)
    folder.mkdir(parents=True)
    done = ingest(layout, layout.items, folder, params)
    check_classes(root, layout.items, done)
    write_scan_list(done.scans, folder)
    # the path of the data differs between machines, and must not change the tables
    rows = [
        (one.name, one.reason.replace(f"{root}/", "")) for one in [*layout.skipped, *done.skipped]
    ]
    write_csv(pd.DataFrame(rows, columns=["name", "reason"]), folder / IGNORED)
    write_findings(done.findings, folder)


def ingest(
    layout: DatasetLayout,
    items: Sequence[DatasetItem],
    folder: Path,
    params: Params,
    link: bool = False,
) -> Ingested:
    """Write `items`: images as they are, slices and masks as PNG.

    Args:
        layout: layout of all the data; its masks together say what a mask marks.
        items: all items of `layout`, or some.
        folder: an existing folder.
        params: the whole of params.yaml.
        link: whether to link images instead of copying them.

    Raises:
        InputError: no mask holds a label of ``segmentation.mask_labels``.
    """
    rule, findings = find_mask_rule(layout, params)
    one = partial(_ingest_item, Target(folder, params, rule, link))
    volumes = sum(item.kind not in ("image", "array") for item in items)
    processes = processes_for(volumes, WORTH_A_POOL)
    results = parallel_map(one, _with_png_masks(items), "Ingest scans", processes)
    return Ingested(
        [scan for result in results for scan in result.scans],
        [skipped for result in results for skipped in result.skipped],
        [*findings, *(finding for result in results for finding in result.findings)],
    )


def _with_png_masks(items: Sequence[DatasetItem]) -> list[DatasetItem]:
    """Return `items` whose masks have names of PNG files, each its own."""
    taken = {item.name.casefold(): item.files[0] for item in items}
    named = []
    for item in items:
        if item.mask:
            place = PurePosixPath(item.mask_name)
            name = place.with_name(f"{stem(place.name)}.png").as_posix()
            if taken.setdefault(name.casefold(), item.mask) != item.mask:
                name = place.with_name(f"{place.name}_mask.png").as_posix()
            item = replace(item, mask_name=name)
        named.append(item)
    return named


def _ingest_item(target: Target, item: DatasetItem) -> Ingested:
    ways = {"image": ingest_image, "array": ingest_array}
    try:
        return ways.get(item.kind, ingest_volume)(target, item)
    except InputError as error:
        raise_fault(error)
        return Ingested(skipped=[SkippedFile(item.name, str(error))])


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


def check_classes(root: Path, items: Sequence[DatasetItem], done: Ingested) -> None:
    """Refuse data of which a whole class cannot be read.

    Raises:
        InputError: with the first item of the class and its reason.
    """
    labels = {scan.label for scan in done.scans}
    reasons = {one.name: one.reason for one in done.skipped}
    for item in items:
        if item.label not in labels:
            of = f" of the class {item.label!r}" if item.label else ""
            reason = reasons[item.name]
            which = "" if item.name in reason else f"{item.name}: "
            raise InputError(f"{root}: nothing{of} can be read ({which}{reason})")
