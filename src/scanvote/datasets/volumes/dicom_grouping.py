"""Group DICOM files into series by their headers alone."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from scanvote.datasets.volumes.dicom_file import read_header, suppress_warnings
from scanvote.datasets.volumes.header import frame_count, numbers, place_of

if TYPE_CHECKING:
    from pydicom import Dataset

PROJECTIONS = frozenset({"CR", "DX", "IO", "MG", "PX", "RG"})
"""Modalities of radiographs: several of one series are views, not slices (PS3.3, C.7.3.1.1.1)."""


@suppress_warnings()
def dicom_series(paths: Iterable[Path]) -> list[list[Path]]:
    """Group the DICOM images among `paths` into series, in slice order.

    The header names the series of a file. Slices of another orientation, such as those of a
    localiser, files of several frames, and radiographs are series of their own. Files without
    an image and files other than DICOM are skipped.

    Returns:
        The paths of each series; the series are in the order of their smallest path.
    """
    groups: dict[tuple[str, ...], list[tuple[tuple[float, float, str], Path]]] = defaultdict(list)
    for path in sorted(paths):
        place = _series_and_order(path)
        if place is not None:
            series, order = place
            groups[series].append((order, path))
    ordered = [[path for _, path in sorted(slices)] for slices in groups.values()]
    return sorted(ordered, key=min)


def _series_and_order(path: Path) -> tuple[tuple[str, ...], tuple[float, float, str]] | None:
    """Return the series key and sort key of an image, else None."""
    try:
        header = read_header(path, pixels=False)
        return (_series_key(header, path), _sort_key(header, path)) if "Rows" in header else None
    except Exception:  # read_dicom reports the error if the user names this file
        return None


def _series_key(header: "Dataset", path: Path) -> tuple[str, ...]:
    series = str(header.get("SeriesInstanceUID", "")) or str(path.parent)
    if frame_count(header) > 1 or header.get("Modality") in PROJECTIONS:
        return series, str(path)
    return series, *(f"{axis:.2f}" for axis in place_of(header).orientation)


def _sort_key(header: "Dataset", path: Path) -> tuple[float, float, str]:
    """Return a sort key for slices: coordinate along the normal, number, path."""
    number = numbers(header, "InstanceNumber", 1) or (0.0,)
    return place_of(header).along, number[0], str(path)
