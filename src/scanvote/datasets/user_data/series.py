"""Group the DICOM files of a folder into series."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.layout import DatasetItem, SkippedFile, first_few
from scanvote.datasets.user_data.scan_tree import FoundFile

if TYPE_CHECKING:
    from scanvote.datasets.volumes.dicom_grouping import DicomListing, DicomSeries, LeftOut


def dicom_items(
    files: Sequence[FoundFile], with_masks: bool = False
) -> tuple[list[DatasetItem], list[SkippedFile]]:
    """Return an item per series, and the other files with the reason.

    An item is named after its first file. The folders keep the order of `files`.

    Args:
        files: DICOM files.
        with_masks: whether a Segmentation becomes the mask of the series it belongs to.

    Raises:
        InputError: a series has several masks.
    """
    from scanvote.datasets.volumes import dicom_series  # slow to import, and rarely needed

    if not files:
        return [], []
    names = {file.path: file.name for file in files}
    folders = {file.path.parent: at for at, file in reversed([*enumerate(files)])}
    listing = dicom_series(names)
    masks = _masks(listing, names) if with_masks else {}
    items = [
        _with_mask(
            DatasetItem(
                name=min(names[path] for path in series.paths),
                kind="dicom",
                files=series.paths,
                header_patient=series.patient,
            ),
            masks.get(series.paths[0]),
            names,
        )
        for series in sorted(listing.series, key=lambda one: folders[one.paths[0].parent])
    ]
    unused = [one for one in listing.left_out if one.path not in masks.values()]
    unused.sort(key=lambda one: folders[one.path.parent])
    return items, [SkippedFile(names[one.path], one.reason) for one in unused]


def _with_mask(item: DatasetItem, mask: Path | None, names: Mapping[Path, str]) -> DatasetItem:
    return item if mask is None else replace(item, mask=mask, mask_name=names[mask])


def _masks(listing: "DicomListing", names: Mapping[Path, str]) -> dict[Path, Path]:
    """Return the Segmentation of each series that has one, by the first file of the series."""
    found: dict[Path, list[Path]] = defaultdict(list)
    for one in listing.left_out:
        if series := _segmented_series(one, listing.series):
            found[series.paths[0]].append(one.path)
    for first, masks in found.items():
        if len(masks) > 1:
            several = first_few(names[mask] for mask in masks)
            raise InputError(
                f"the series of {names[first]} has several masks ({several}); name the one to use"
                " in a table of path and mask"
            )
    return {first: masks[0] for first, masks in found.items()}


def _segmented_series(one: "LeftOut", series: Sequence["DicomSeries"]) -> "DicomSeries | None":
    """Return the series of a Segmentation: that it names, else the only one beside it."""
    if one.segments is None:
        return None
    named = [each for each in series if each.uid in one.segments]
    for above in one.path.parents[:2] if not one.segments else ():
        named = named or [each for each in series if each.paths[0].is_relative_to(above)]
    return named[0] if len(named) == 1 else None
