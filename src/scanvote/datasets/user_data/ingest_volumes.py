"""Ingest volumes: slices of each, with those of their masks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from scanvote.core.errors import InputError
from scanvote.datasets.base import Scan
from scanvote.datasets.scan_list import Finding
from scanvote.datasets.user_data.ingested import Ingested, Target, as_scan, series_of
from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.datasets.user_data.readers import (
    MAX_CHANNELS,
    is_segmentation,
    read_item_volume,
    read_mask_volume,
)
from scanvote.datasets.user_data.scan_tree import stem
from scanvote.datasets.volumes import Volume, read_volume_file, volume_channels, write_slices
from scanvote.datasets.volumes.dicom_seg import place_segments


def ingest_volume(target: Target, item: DatasetItem) -> Ingested:
    """Write the slices of a volume, or of each volume of its file, and of its mask.

    Raises:
        InputError: the files are damaged, or hold no such volume.
    """
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
    """Return the used volumes of a file, and what is odd in their number."""
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
    """Return the item of one volume of a file: a series, tied by case."""
    place = PurePosixPath(item.name)
    name = (place.parent / f"{stem(place.name)}-channel{number}").as_posix()
    series = f"{item.series}-channel{number}" if item.series else ""
    return replace(item, name=name, series=series, case=item.case or series_of(item))


def _write_volume(
    target: Target, item: DatasetItem, volume: Volume, mask: Volume | None
) -> list[Scan]:
    place = PurePosixPath(item.name)
    patient = item.patient or volume.patient  # the layout has compared folders and headers
    known = replace(item, patient=patient, series=item.series or series_of(item))
    folder = target.folder / place.parent
    folder.mkdir(parents=True, exist_ok=True)
    slices = write_slices(volume, target.params.volumes, folder, stem(place.name), mask)
    return [
        as_scan(
            known,
            _relative(target.folder, path),
            _relative(target.folder, mask_path) if mask_path else "",
            facts,
        )
        for path, mask_path, facts in slices
    ]


def _relative(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
