"""Which DICOM files belong to one series, by their headers alone."""

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
    """The DICOM images among the files `paths` by series, each in the order of its slices.

    A file belongs to the series of its header; slices of another orientation, as of a
    localiser, files of several frames and radiographs are series of their own. Files that
    are no DICOM or hold no image are passed over.

    Returns:
        Series in the order of their first path.
    """
    found: dict[tuple[str, ...], list[tuple[tuple[float, float, str], Path]]] = defaultdict(list)
    for path in sorted(paths):
        place = _place_in_series(path)
        if place is not None:
            series, order = place
            found[series].append((order, path))
    ordered = [[path for _, path in sorted(slices)] for slices in found.values()]
    return sorted(ordered, key=min)


def _place_in_series(path: Path) -> tuple[tuple[str, ...], tuple[float, float, str]] | None:
    """Which series a file belongs to, and where in it; None if it is no image."""
    try:
        header = read_header(path, pixels=False)
        return (_series_of(header, path), _order(header, path)) if "Rows" in header else None
    except Exception:  # read_dicom tells what is wrong, if the file is asked for
        return None


def _series_of(header: "Dataset", path: Path) -> tuple[str, ...]:
    series = str(header.get("SeriesInstanceUID", "")) or str(path.parent)
    if frame_count(header) > 1 or header.get("Modality") in PROJECTIONS:
        return series, str(path)
    return series, *(f"{axis:.2f}" for axis in place_of(header).orientation)


def _order(header: "Dataset", path: Path) -> tuple[float, float, str]:
    """Sorts slices: along the normal, then by number, then by name."""
    number = numbers(header, "InstanceNumber", 1) or (0.0,)
    return place_of(header).along, number[0], str(path)
