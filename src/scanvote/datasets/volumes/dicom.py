"""DICOM series. Of their headers nothing is kept but the geometry and a digest of the PatientID.

A digest hides a patient's ID from who reads a manifest. It hides it from nobody who can
guess the ID: numbers of a hospital are few enough to try them all.
"""

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.datasets.volumes.volume import Volume, upright
from scanvote.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
FLAT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""Orientation of an image that tells none, such as a radiograph: shown as it is stored."""


def dicom_series(paths: Iterable[Path]) -> list[list[Path]]:
    """The DICOM images among the files `paths` by series, each in the order of its slices.

    A file belongs to the series of its header; slices of another orientation, as of a
    localiser, and files of several frames are series of their own. Files that are no DICOM
    or hold no image are passed over.

    Returns:
        Series in the order of their first path.
    """
    from pydicom.misc import is_dicom

    found: dict[tuple[str, ...], list[tuple[tuple[float, float, str], Path]]] = defaultdict(list)
    for path in sorted(paths):
        if not is_dicom(path):
            continue
        header = _header(path)
        if header is not None and "Rows" in header:
            found[_series_of(header, path)].append((_place(header, path), path))
    ordered = [[path for _, path in sorted(slices)] for slices in found.values()]
    return sorted(ordered, key=min)


def read_dicom(paths: Sequence[Path]) -> Volume:
    """One series as a volume, with the rescaling of its header applied.

    Args:
        paths: of its files, in the order of the slices, as of `dicom_series`.

    Raises:
        InputError: a file is damaged, in colour, without pixels, compressed in a way that
            nothing here decodes, or of another size than the first.
    """
    files = [_whole(path) for path in paths]
    frames = [frame for header, pixels in files for frame in _frames(header, pixels)]
    for path, (_, pixels) in zip(paths, files, strict=True):
        if pixels.shape[-2:] != files[0][1].shape[-2:]:
            raise InputError(
                f"{path} is {_size(pixels)}, {paths[0].name} of the same series"
                f" {_size(files[0][1])}; take one of them out"
            )
    first, last = files[0][0], files[-1][0]
    voxels = np.stack(frames).transpose(2, 1, 0)  # (columns, rows, slices)
    affine = LPS_TO_RAS @ _geometry(first, last, len(frames))
    return upright(voxels, affine, paths[0], _patient(first))


def _header(path: Path) -> "Dataset | None":
    import pydicom

    try:
        with _quiet():
            return pydicom.dcmread(path, stop_before_pixels=True)
    except Exception:  # read_dicom tells what is wrong, if the file is asked for
        return None


def _series_of(header: "Dataset", path: Path) -> tuple[str, ...]:
    series = str(header.get("SeriesInstanceUID", "")) or str(path.parent)
    if int(header.get("NumberOfFrames", 1) or 1) > 1:
        return series, str(path)
    return series, *(f"{axis:.2f}" for axis in _orientation(header))


def _place(header: "Dataset", path: Path) -> tuple[float, float, str]:
    """Sorts slices: along the normal, then by number, then by name."""
    position = header.get("ImagePositionPatient")
    along = float(np.dot(_normal(header), np.array(position, float))) if position else 0.0
    return round(along, 4), float(header.get("InstanceNumber", 0) or 0), str(path)


def _whole(path: Path) -> tuple["Dataset", NDArray[Any]]:
    """The header of a file and its pixels, (rows, columns) or (frames, rows, columns)."""
    import pydicom
    from pydicom.pixels.processing import apply_rescale

    try:
        with _quiet():
            header = pydicom.dcmread(path)
            if int(header.get("SamplesPerPixel", 1)) != 1:
                raise InputError(f"{path} is a DICOM image in colour; convert it to PNG first")
            if "PixelData" not in header:
                raise InputError(f"{path} is a DICOM file without pixels; take it out")
            return header, np.asarray(apply_rescale(header.pixel_array, header))
    except (InputError, FileNotFoundError):
        raise
    except Exception as error:  # pydicom has no exception of its own for a damaged file
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{path} is no whole DICOM image ({reason})") from None


def _frames(header: "Dataset", pixels: NDArray[Any]) -> NDArray[Any]:
    """(frames, rows, columns), bright where the tissue is."""
    if header.get("PhotometricInterpretation") == "MONOCHROME1":
        pixels = pixels.max() + pixels.min() - pixels
    return pixels.reshape(-1, *pixels.shape[-2:])


def _geometry(first: "Dataset", last: "Dataset", count: int) -> NDArray[np.float64]:
    """float64 (4, 4), from (column, row, slice) to mm in LPS+."""
    orientation = _orientation(first)
    down, across = (float(side) for side in first.get("PixelSpacing", None) or (1.0, 1.0))
    affine = np.eye(4)
    affine[:3, 0] = np.array(orientation[:3]) * across
    affine[:3, 1] = np.array(orientation[3:]) * down
    affine[:3, 2] = _normal(first) * float(first.get("SliceThickness", None) or 1.0)
    start, end = (one.get("ImagePositionPatient") for one in (first, last))
    if start and end and count > 1 and not np.allclose(start, end):
        affine[:3, 2] = (np.array(end, float) - np.array(start, float)) / (count - 1)
    affine[:3, 3] = np.array(start, float) if start else 0.0
    return affine


def _orientation(header: "Dataset") -> tuple[float, ...]:
    given = header.get("ImageOrientationPatient")
    return tuple(float(axis) for axis in given) if given and len(given) == 6 else FLAT


def _normal(header: "Dataset") -> NDArray[np.float64]:
    orientation = _orientation(header)
    return np.cross(orientation[:3], orientation[3:])


def _patient(header: "Dataset") -> str:
    value = str(header.get("PatientID", "") or "").strip()
    return f"p-{hashlib.sha256(value.encode()).hexdigest()[:12]}" if value else ""


def _size(pixels: NDArray[Any]) -> str:
    return f"{pixels.shape[-1]}x{pixels.shape[-2]}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without pydicom's remarks on headers, of which next to nothing is used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
