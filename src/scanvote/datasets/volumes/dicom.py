"""DICOM series. Of their headers nothing is kept but the geometry and a digest of the PatientID.

A digest hides a patient's ID from who reads a manifest. It hides it from nobody who can
guess the ID: numbers of a hospital are few enough to try them all.
"""

import hashlib
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.datasets.volumes.header import Place, affine_of, frame_count, numbers, place_of
from scanvote.datasets.volumes.volume import Volume, upright
from scanvote.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

PROJECTIONS = frozenset({"CR", "DX", "IO", "MG", "PX", "RG"})
"""Modalities of radiographs: several of one series are views, not slices (PS3.3, C.7.3.1.1.1)."""


@dataclass(frozen=True)
class Frame:
    """An image of a series: its file, its pixels of shape (rows, columns), its place."""

    path: Path
    pixels: NDArray[Any]
    place: Place


@contextmanager
def _quiet() -> Iterator[None]:
    """Without pydicom's remarks on headers, of which next to nothing is used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@_quiet()
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
        header = _header(path)
        if header is not None and "Rows" in header:
            found[_series_of(header, path)].append((_order(header, path), path))
    ordered = [[path for _, path in sorted(slices)] for slices in found.values()]
    return sorted(ordered, key=min)


@_quiet()
def read_dicom(paths: Sequence[Path]) -> Volume:
    """One series as a volume, with the rescaling of its header applied.

    Of several images at one place, such as echoes, the first is taken.

    Args:
        paths: of its files, in the order of the slices, as of `dicom_series`.

    Raises:
        InputError: a file is damaged, in colour, without pixels, compressed in a way that
            nothing here decodes, or of another size or orientation than the first.
    """
    headers = []
    frames: list[Frame] = []
    for path in paths:
        header, pixels = _whole(path)
        headers.append(header)
        frames += _frames(path, header, pixels)
    _check_alike(frames)
    frames = _stacked(frames)
    voxels = np.stack([frame.pixels for frame in frames]).transpose(2, 1, 0)
    if headers[0].get("PhotometricInterpretation") == "MONOCHROME1":
        # of integers the difference may wrap around, and the sum wraps back
        voxels = voxels.max() - voxels + voxels.min()
    affine = affine_of(frames[0].place, frames[-1].place, len(frames))
    placed = numbers(headers[0], "ImageOrientationPatient", 6) is not None
    measured = placed and numbers(headers[0], "PixelSpacing", 2) is not None
    return upright(voxels, affine, paths[0], _patient(headers[0]), placed, measured)


def _header(path: Path) -> "Dataset | None":
    import pydicom

    try:
        return pydicom.dcmread(path, stop_before_pixels=True)
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


def _whole(path: Path) -> tuple["Dataset", NDArray[Any]]:
    """The header of a file and its pixels, (frames, rows, columns)."""
    import pydicom
    from pydicom.pixels.processing import apply_rescale

    try:
        header = pydicom.dcmread(path)
        _check_readable(path, header)
        pixels = np.asarray(apply_rescale(header.pixel_array, header))
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except Exception as error:  # pydicom has no exception of its own for a damaged file
        # without addresses of objects, which differ from run to run
        reason = " ".join(re.sub(r" at 0x\w+", "", str(error)).split())[:160]
        reason = reason or type(error).__name__
        raise InputError(f"{path} is no whole DICOM image ({reason})") from None
    if pixels.dtype == np.float64:  # of 16 bits and a slope: half the memory tells as much
        pixels = pixels.astype(np.float32)
    return header, pixels.reshape(-1, *pixels.shape[-2:])


def _check_readable(path: Path, header: "Dataset") -> None:
    from pydicom.pixels.decoders.base import get_decoder

    if "PixelData" not in header:
        raise InputError(f"{path} is a DICOM file without pixels; take it out")
    colour = header.get("PhotometricInterpretation") == "PALETTE COLOR"
    if colour or int(header.get("SamplesPerPixel", 1)) != 1:
        raise InputError(f"{path} is a DICOM image in colour; convert it to PNG first")
    syntax = header.file_meta.TransferSyntaxUID
    try:
        able = get_decoder(syntax).is_available
    except NotImplementedError:
        able = False
    if not able:
        raise InputError(
            f"{path} is compressed ({syntax.name}), and nothing here decodes it;"
            " decompress it first, as with gdcmconv --raw"
        )


def _frames(path: Path, header: "Dataset", pixels: NDArray[Any]) -> Iterator[Frame]:
    for at, image in enumerate(pixels):
        # elsewhere than in an enhanced file pydicom has applied it
        slope = None if "RescaleSlope" in header else numbers(header, "RescaleSlope", 1, at)
        if slope:
            intercept = numbers(header, "RescaleIntercept", 1, at) or (0.0,)
            image = image * np.float32(slope[0]) + np.float32(intercept[0])
        yield Frame(path, image, place_of(header, at))


def _check_alike(frames: Sequence[Frame]) -> None:
    first = frames[0]
    for frame in frames:
        if frame.pixels.shape != first.pixels.shape:
            raise InputError(
                f"{frame.path} is {_size(frame)}, {first.path.name} of the same series"
                f" {_size(first)}; take one of them out"
            )
        if not np.allclose(frame.place.orientation, first.place.orientation, atol=0.01):
            raise InputError(
                f"{frame.path} holds slices of another orientation than the first of its"
                " series; part them"
            )


def _stacked(frames: Sequence[Frame]) -> list[Frame]:
    """One frame a place, along the normal; all of them where places are not told."""
    if any(frame.place.position is None for frame in frames):
        return list(frames)
    placed: dict[tuple[float, ...], Frame] = {}
    for frame in frames:
        placed.setdefault(tuple(np.round(frame.place.position or (), 3)), frame)
    return sorted(placed.values(), key=lambda frame: frame.place.along)


def _patient(header: "Dataset") -> str:
    value = str(header.get("PatientID", "") or "").strip()
    return f"p-{hashlib.sha256(value.encode()).hexdigest()[:12]}" if value else ""


def _size(frame: Frame) -> str:
    return f"{frame.pixels.shape[1]}x{frame.pixels.shape[0]}"
