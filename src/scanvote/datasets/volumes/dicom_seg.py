"""Place the frames of a DICOM Segmentation on the voxels of a scan.

A segmentation is no volume: it holds a frame for each segment and slice that marks anything,
in any order, and frames of several segments may lie on one slice (PS3.3, C.8.20).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.dicom_file import suppress_warnings
from scanvote.datasets.volumes.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
"""SOP class of a Segmentation."""
TO_RAS = np.diag([-1.0, -1.0, 1.0])
OFF_GRID = 0.5
"""Distance in voxels from which on a pixel lies beside the voxels."""


@dataclass(frozen=True)
class SegmentFrame:
    """One frame of one segment.

    Attributes:
        segment: number of the segment, from 1.
        pixels: bool (H, W).
        affine: float64 (3, 3): columns are the step to the next column, to the next row, and
            the position of the first pixel, in mm in RAS+.
    """

    segment: int
    pixels: NDArray[np.bool_]
    affine: NDArray[np.float64]


def read_segment_numbers(path: Path) -> NDArray[np.uint16]:
    """Return the number of the segment at each marked pixel of all frames, (N, H, W).

    Raises:
        InputError: the file is damaged, or no segmentation.
    """
    frames = list(_frames(path))
    return np.stack([frame.pixels * np.uint16(frame.segment) for frame in frames])


def place_segments(
    path: Path, volume: Volume, segments: Collection[float] | None = None
) -> NDArray[np.uint8]:
    """Return the mask of `volume` that a segmentation holds, 0 or 255, of its shape.

    Slices without a frame are empty.

    Args:
        path: file of the segmentation.
        volume: the scan.
        segments: numbers of the segments to mark; None for all.

    Raises:
        InputError: the file is damaged, no segmentation, or not on the voxels of the scan.
    """
    mask = np.zeros(volume.voxels.shape[:3], np.uint8)
    to_voxels = np.linalg.inv(volume.affine)
    for frame in _frames(path):
        if segments is not None and frame.segment not in segments:
            continue
        rows, columns = np.nonzero(frame.pixels)
        places = frame.affine @ np.stack([columns, rows, np.ones(rows.size)])
        exact = to_voxels[:3, :3] @ places + to_voxels[:3, 3:]
        voxels = np.rint(exact).astype(np.int64)
        outside = (voxels < 0) | (voxels >= np.array(mask.shape)[:, None])
        if outside.any() or (rows.size and np.abs(exact - voxels).max() > OFF_GRID - 0.1):
            raise InputError(
                f"the segmentation {path} does not lie on the voxels of {volume.source}; is it of"
                " another series?"
            )
        mask[tuple(voxels)] = 255
    return mask


@suppress_warnings()
def _read(path: Path) -> "tuple[Dataset, NDArray[Any]]":
    import pydicom

    try:
        data = pydicom.dcmread(path)
        if data.get("SOPClassUID") != STORAGE:
            raise InputError(f"{path} is no DICOM Segmentation; name the file of the masks")
        pixels = data.pixel_array
    except InputError:
        raise
    except Exception as error:  # pydicom and its decoders raise many types
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{path} is no whole DICOM Segmentation ({reason})") from None
    return data, pixels.reshape(-1, *pixels.shape[-2:])


def _frames(path: Path) -> Iterator[SegmentFrame]:
    data, pixels = _read(path)
    fractional = data.get("SegmentationType") == "FRACTIONAL"
    least = float(data.get("MaximumFractionalValue", 255)) / 2 if fractional else 1
    try:
        shared = data.SharedFunctionalGroupsSequence[0]
        own = data.PerFrameFunctionalGroupsSequence
        for values, group in zip(pixels, own, strict=True):
            segment = _item("SegmentIdentificationSequence", group, shared)
            affine = _affine(group, shared)
            yield SegmentFrame(int(segment.ReferencedSegmentNumber), values >= least, affine)
    except (AttributeError, IndexError, ValueError, TypeError):
        raise InputError(
            f"{path} does not say where its frames lie or of which segment they are; write it anew"
        ) from None


def _item(name: str, group: "Dataset", shared: "Dataset") -> "Dataset":
    """Return the one item of a functional group, of the frame or shared by all."""
    sequence = group.get(name) or shared.get(name)
    return sequence[0]  # type: ignore[no-any-return]


def _affine(group: "Dataset", shared: "Dataset") -> NDArray[np.float64]:
    position = _item("PlanePositionSequence", group, shared).ImagePositionPatient
    turn = _item("PlaneOrientationSequence", group, shared).ImageOrientationPatient
    down, across = _item("PixelMeasuresSequence", group, shared).PixelSpacing
    x, y = (np.array(turn[at : at + 3], np.float64) for at in (0, 3))
    columns = np.stack([x * float(across), y * float(down), np.array(position, np.float64)], axis=1)
    return np.asarray(TO_RAS @ columns, np.float64)
