"""What the header of a DICOM file tells of each of its frames.

In an enhanced file (PS3.3, section C.7.6.16) it stands in functional groups, of one frame
or shared by all; elsewhere at the top. What is malformed counts as not told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydicom import Dataset

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
FLAT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""Orientation of an image that tells none, such as a radiograph: shown as it is stored."""
GROUPS = {
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
}
"""The functional group that a value stands in."""

NEEDED = (
    *GROUPS,
    "BitsAllocated",
    "BitsStored",
    "Columns",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "HighBit",
    "InstanceNumber",
    "Modality",
    "NumberOfFrames",
    "PatientID",
    "PerFrameFunctionalGroupsSequence",
    "PhotometricInterpretation",
    "PixelData",
    "PixelRepresentation",
    "PlanarConfiguration",
    "Rows",
    "SamplesPerPixel",
    "SeriesInstanceUID",
    "SharedFunctionalGroupsSequence",
)
"""All that is read of a header: the rest is none of our business, and may be any amount."""


@dataclass(frozen=True)
class Place:
    """Where a frame lies, in mm of LPS+.

    Attributes:
        orientation: direction along a row, then along a column.
        position: of the first pixel; None where it is not told.
        spacing: of the rows, then of the columns.
        gap: to the next frame, where positions do not tell it.
    """

    orientation: tuple[float, ...]
    position: tuple[float, ...] | None
    spacing: tuple[float, ...]
    gap: float

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(self.orientation[:3], self.orientation[3:])

    @property
    def along(self) -> float:
        """Where on the normal; 0 where it is not told."""
        return round(float(np.dot(self.normal, self.position)), 4) if self.position else 0.0


def place_of(header: "Dataset", frame: int = 0) -> Place:
    """Where the frame with the number `frame`, from 0, lies."""
    gap = _positive(header, "SpacingBetweenSlices", 1, frame)
    gap = gap or _positive(header, "SliceThickness", 1, frame) or (1.0,)
    return Place(
        orientation=numbers(header, "ImageOrientationPatient", 6, frame) or FLAT,
        position=numbers(header, "ImagePositionPatient", 3, frame),
        spacing=_positive(header, "PixelSpacing", 2, frame) or (1.0, 1.0),
        gap=gap[0],
    )


def affine_of(first: Place, last: Place, count: int) -> NDArray[np.float64]:
    """float64 (4, 4), from (column, row, frame) to mm in RAS+, of `count` frames in a stack."""
    down, across = first.spacing
    affine = np.eye(4)
    affine[:3, 0] = np.array(first.orientation[:3]) * across
    affine[:3, 1] = np.array(first.orientation[3:]) * down
    affine[:3, 2] = first.normal * first.gap
    if first.position and last.position and count > 1:
        affine[:3, 2] = (np.array(last.position) - np.array(first.position)) / (count - 1)
    affine[:3, 3] = first.position or 0.0
    return LPS_TO_RAS @ affine


def frame_count(header: "Dataset") -> int:
    told = numbers(header, "NumberOfFrames", 1)
    return max(1, int(told[0])) if told else 1


def numbers(header: "Dataset", name: str, count: int, frame: int = 0) -> tuple[float, ...] | None:
    """The `count` numbers called `name`; None where there are not as many."""
    for holder in _holders(header, name, frame):
        try:
            value = holder.get(name)
            found = np.array(value, np.float64).reshape(-1)
        except (TypeError, ValueError):
            continue
        if value is not None and found.size == count and np.isfinite(found).all():
            return tuple(float(one) for one in found)
    return None


def _holders(header: "Dataset", name: str, frame: int) -> "Iterator[Dataset]":
    """What may tell `name` of a frame, the most particular first."""
    group = GROUPS.get(name, "")
    each = header.get("PerFrameFunctionalGroupsSequence") or []
    shared = header.get("SharedFunctionalGroupsSequence") or []
    for one in [*each[frame : frame + 1], *shared[:1]] if group else []:
        yield from list(_items(one, group))[:1]
    # one position at the top is that of the first frame alone
    if name != "ImagePositionPatient" or frame_count(header) == 1:
        yield header


def _items(holder: "Dataset", group: str) -> Any:
    return holder.get(group) or []


def _positive(header: "Dataset", name: str, count: int, frame: int) -> tuple[float, ...] | None:
    found = numbers(header, name, count, frame)
    return found if found and min(found) > 0 else None
