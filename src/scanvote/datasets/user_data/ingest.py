"""Ingest the user's data: copy images and extract slices of volumes."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.core.parallel import parallel_map
from scanvote.datasets.base import Scan
from scanvote.datasets.scan_list import IGNORED, Finding, write_findings, write_scan_list
from scanvote.datasets.user_data.array_files import read_picture
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, SkippedFile
from scanvote.datasets.user_data.mask_files import stored_masks
from scanvote.datasets.user_data.mask_rule import find_mask_rule, values_of
from scanvote.datasets.user_data.masks import MaskRule
from scanvote.datasets.user_data.readers import (
    MAX_CHANNELS,
    is_segmentation,
    read_item_volume,
    read_mask_volume,
)
from scanvote.datasets.user_data.scan_tree import stem
from scanvote.datasets.volumes.dicom_seg import place_segments
from scanvote.datasets.volumes.files import read_volume_file, volume_channels
from scanvote.datasets.volumes.slicing import select_slices, shared_window, write_png, write_slices
from scanvote.datasets.volumes.volume import Volume
from scanvote.images.decode import DecodeError, decode_pages, page_sizes
from scanvote.params import Params

BLOCK = 1 << 20
TIFF_ENDINGS = (".tif", ".tiff")
WORTH_A_POOL = 32
"""Number of volumes from which several processes save time in spite of their start."""


@dataclass(frozen=True)
class Ingested:
    """What became of items.

    Attributes:
        scans: the scans, in the order of the items.
        skipped: items that cannot be read, with the reason.
        findings: what is odd in the files of items.
    """

    scans: list[Scan] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


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
    """Write `items` to `folder`: images as they are, slices and masks as PNG.

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
    one = partial(_ingest_item, _Target(folder, params, rule, link))
    volumes = sum(item.kind not in ("image", "array") for item in items)
    processes = (os.cpu_count() or 1) if volumes >= WORTH_A_POOL else 1
    results = parallel_map(one, _with_png_masks(items), "Ingest scans", processes)
    return Ingested(
        [scan for result in results for scan in result.scans],
        [skipped for result in results for skipped in result.skipped],
        [*findings, *(finding for result in results for finding in result.findings)],
    )


@dataclass(frozen=True)
class _Target:
    """Where to write items, and how."""

    folder: Path
    params: Params
    rule: MaskRule
    link: bool


def _with_png_masks(items: Sequence[DatasetItem]) -> list[DatasetItem]:
    """Return `items` whose masks have names of PNG files, none that of another file."""
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


def _ingest_item(target: _Target, item: DatasetItem) -> Ingested:
    ways = {"image": _ingest_image, "array": _ingest_array}
    try:
        return ways.get(item.kind, _ingest_volume)(target, item)
    except InputError as error:
        return Ingested(skipped=[SkippedFile(item.name, str(error))])


def _ingest_image(target: _Target, item: DatasetItem) -> Ingested:
    findings = []
    if item.files[0].suffix.lower() in TIFF_ENDINGS:
        sizes = page_sizes(item.files[0])
        if len(sizes) > 1 and len(set(sizes)) == 1:
            return _ingest_pages(target, item)
        if len(sizes) > 1:
            text = f"{item.name}: {len(sizes)} pictures of several sizes; the first is used"
            findings.append(Finding("several_pictures", item.name, text))
    (_link if target.link else _copy)(item.files[0], target.folder / item.name)
    mask_name = _ingest_mask(target, item, item.mask) if item.mask else ""
    return Ingested([_scan(item, item.name, mask_name, {})], findings=findings)


def _ingest_mask(target: _Target, item: DatasetItem, path: Path) -> str:
    """Write the mask of an image; return its name."""
    masks = stored_masks(path)
    try:
        mask = next(masks)
    except DecodeError:  # the integrity check reports it, and excludes the scan
        name = PurePosixPath(item.mask_name).with_name(path.name).as_posix()
        _copy(path, target.folder / name)
        return name
    if next(masks, None):
        count = len(page_sizes(path))
        raise InputError(f"{path} holds {count} masks, {item.files[0]} one image; part them")
    write_png(target.rule.marked(values_of(mask, target.rule)), target.folder / item.mask_name)
    return item.mask_name


def _ingest_pages(target: _Target, item: DatasetItem) -> Ingested:
    """Write the pages of a TIFF as slices of one scan."""
    images = np.stack([*decode_pages(item.files[0])])
    if images.dtype != np.uint8:
        images = shared_window(images, target.params.volumes)
    masks = [*stored_masks(item.mask)] if item.mask else []
    if masks and len(masks) != len(images):
        raise InputError(
            f"{item.mask} holds {len(masks)} pages, {item.files[0]} {len(images)}; a mask needs"
            " one for each"
        )
    known, place = replace(item, series=item.series or _series_of(item)), PurePosixPath(item.name)
    scans = []
    for number in select_slices(images.max(axis=3), 0, target.params.volumes):
        name = (place.parent / f"{stem(place.name)}-{number:03d}").as_posix()
        write_png(images[number][:, :, ::-1], target.folder / f"{name}.png")
        if masks:
            mask = target.rule.marked(values_of(masks[number], target.rule))
            write_png(mask, target.folder / f"{name}_mask.png")
        scans.append(_scan(known, f"{name}.png", f"{name}_mask.png" if masks else "", {}))
    return Ingested(scans)


def _ingest_array(target: _Target, item: DatasetItem) -> Ingested:
    image, mask = read_picture(item)
    name = item.name if item.name.lower().endswith(".png") else f"{item.name}.png"
    write_png(image if image.ndim == 2 else image[:, :, ::-1], target.folder / name)
    mask_name = ""
    if mask is not None:
        mask_name = f"{name[:-4]}_mask.png"
        write_png(target.rule.marked(mask), target.folder / mask_name)
    return Ingested([_scan(item, name, mask_name, {})])


def _series_of(item: DatasetItem) -> str:
    place = PurePosixPath(item.name)
    return (place.parent / stem(place.name)).as_posix()


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as file:
            _block(file, 1)
        target.symlink_to(source.resolve())
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None


def _copy(source: Path, target: Path) -> None:
    try:
        file = source.open("rb")
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    with file, target.open("wb") as copy:
        while block := _block(file):
            copy.write(block)


def _block(file: IO[bytes], size: int = BLOCK) -> bytes:
    """Read the next bytes.

    Only a read error is a fault of the file; a write error keeps its own type.
    """
    try:
        return file.read(size)
    except OSError as error:
        raise InputError(f"{file.name} cannot be read: {error.strerror}") from None


def _ingest_volume(target: _Target, item: DatasetItem) -> Ingested:
    if item.mask and is_segmentation(item.mask):
        volume = read_item_volume(item)
        segments = place_segments(item.mask, volume, target.rule.chosen)
        return Ingested(_write_volume(target, item, volume, replace(volume, voxels=segments)))
    mask = read_mask_volume(item.mask) if item.mask else None
    if mask is not None:
        mask = replace(mask, voxels=target.rule.marked(mask.voxels))
    count = 1 if item.kind == "dicom" else volume_channels(item.files[0])
    if count == 1 and not item.index:
        return Ingested(_write_volume(target, item, read_item_volume(item), mask))
    wanted, findings = _wanted_channels(item, count, target.params.volumes.channels)
    scans = []
    for number in wanted:
        volume = read_volume_file(item.files[0], number)
        one = item if len(wanted) == 1 else _as_channel(item, number)
        scans += _write_volume(target, one, volume, mask)
    return Ingested(scans, findings=findings)


def _wanted_channels(
    item: DatasetItem, count: int, channels: Sequence[int] | None
) -> tuple[list[int], list[Finding]]:
    """Return which of `count` volumes of a file are used, and a finding if not all are told."""
    wanted = channels if item.index is None else [item.index]
    if wanted is None and count > MAX_CHANNELS:
        text = (
            f"{item.name}: {count} volumes, as of a series in time; the first is used, or those in"
            " volumes.channels"
        )
        return [0], [Finding("several_pictures", item.name, text)]
    for number in wanted or ():
        if number >= count:
            raise InputError(
                f"{item.files[0]} holds {count} volumes, from 0; volumes.channels names {number}"
            )
    return sorted(set(range(count) if wanted is None else wanted)), []


def _as_channel(item: DatasetItem, number: int) -> DatasetItem:
    """Return the item of one volume of a file: a series of its own, of one case."""
    place = PurePosixPath(item.name)
    name = (place.parent / f"{stem(place.name)}-channel{number}").as_posix()
    series = f"{item.series}-channel{number}" if item.series else ""
    return replace(item, name=name, series=series, case=item.case or _series_of(item))


def _write_volume(
    target: _Target, item: DatasetItem, volume: Volume, mask: Volume | None
) -> list[Scan]:
    place = PurePosixPath(item.name)
    patient = item.patient or volume.patient  # the layout has compared folders and headers
    known = replace(item, patient=patient, series=item.series or _series_of(item))
    folder = target.folder / place.parent
    folder.mkdir(parents=True, exist_ok=True)
    slices = write_slices(volume, target.params.volumes, folder, stem(place.name), mask)
    return [
        _scan(
            known,
            _relative(target.folder, path),
            _relative(target.folder, mask_path) if mask_path else "",
            facts,
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


def check_classes(root: Path, items: Sequence[DatasetItem], done: Ingested) -> None:
    """Refuse data of which a class, or all of it, cannot be read.

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
