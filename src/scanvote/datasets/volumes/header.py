"""Read the geometry of each frame from a DICOM header.

In an enhanced file (PS3.3, section C.7.6.16) the values are in functional groups, of one frame
or shared by all; in other files they are at the top level. Malformed values count as missing.
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
"""Orientation of an image without one, such as a radiograph: shown as it is stored."""
GROUPS = {
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
}
"""The functional group that contains a value."""

PALETTE = tuple(
    f"{colour}PaletteColorLookupTable{part}"
    for colour in ("Red", "Green", "Blue")
    for part in ("Descriptor", "Data")
)
ASPECTS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
"""Fields that give the sides of a pixel, or their ratio: of the patient, detector or display."""

NEEDED = (
    *GROUPS,
    "BitsAllocated",
    "BitsStored",
    "Columns",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "HighBit",
    "ImageType",
    "ImagerPixelSpacing",
    "InstanceNumber",
    "Modality",
    "ModalityLUTSequence",
    "NominalScannedPixelSpacing",
    "NumberOfFrames",
    "PatientID",
    "PerFrameFunctionalGroupsSequence",
    "PhotometricInterpretation",
    "PixelAspectRatio",
    "PixelData",
    "PixelPaddingRangeLimit",
    "PixelPaddingValue",
    "PixelRepresentation",
    "PlanarConfiguration",
    *PALETTE,
    "ReferencedSeriesSequence",
    "Rows",
    "SOPClassUID",
    "SamplesPerPixel",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SharedFunctionalGroupsSequence",
    "StudyInstanceUID",
)
"""All fields that are read of a header; the others may be private, or of any size."""


@dataclass(frozen=True)
class Place:
    """Position, orientation and spacing of a frame, in mm of LPS+.

    Attributes:
        orientation: direction along a row, then along a column.
        position: position of the first pixel; None if unknown.
        spacing: spacing of the rows, then of the columns; of a radiograph without one of the
            patient that at the detector, or only their ratio.
        gap: distance to the next frame, for files without positions.
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
        """Coordinate of the frame along its normal; 0 if unknown."""
        return self.along_normal(self.normal)

    def along_normal(self, normal: NDArray[np.float64]) -> float:
        """Return the coordinate along `normal`; 0 if unknown.

        Slices are sorted along one normal: far from the origin their own ones, which differ
        by rounding, would give another order.
        """
        return round(float(np.dot(normal, self.position)), 4) if self.position else 0.0


def place_of(header: "Dataset", frame: int = 0) -> Place:
    """Return the place of the frame with the index `frame`, from 0."""
    gap = _positive(header, "SpacingBetweenSlices", 1, frame)
    gap = gap or _positive(header, "SliceThickness", 1, frame) or (1.0,)
    return Place(
        orientation=numbers(header, "ImageOrientationPatient", 6, frame) or FLAT,
        position=numbers(header, "ImagePositionPatient", 3, frame),
        spacing=_pixel_sides(header, frame),
        gap=gap[0],
    )


def _pixel_sides(header: "Dataset", frame: int) -> tuple[float, ...]:
    for name in ASPECTS:
        if sides := _positive(header, name, 2, frame):
            return sides
    return 1.0, 1.0


def affine_of(first: Place, last: Place, count: int) -> NDArray[np.float64]:
    """Return the affine of a stack of `count` frames.

    It is float64 (4, 4) and maps (column, row, frame) to mm in RAS+.
    """
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
    count = numbers(header, "NumberOfFrames", 1)
    return max(1, int(count[0])) if count else 1


def numbers(header: "Dataset", name: str, count: int, frame: int = 0) -> tuple[float, ...] | None:
    """Return the `count` finite numbers in the field `name`, or None."""
    for holder in _holders(header, name, frame):
        if values := _finite_numbers(holder, name, count):
            return values
    return None


def rescaling(header: "Dataset") -> tuple[float, float] | None:
    """Return slope and intercept at the top level; None if a slope is missing, empty or 0."""
    slope = _finite_numbers(header, "RescaleSlope", 1)
    if not slope or not slope[0]:
        return None
    return slope[0], (_finite_numbers(header, "RescaleIntercept", 1) or (0.0,))[0]


def _finite_numbers(holder: "Dataset", name: str, count: int) -> tuple[float, ...] | None:
    try:
        value = holder.get(name)
        values = np.array(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None
    if value is None or values.size != count or not np.isfinite(values).all():
        return None
    return tuple(float(one) for one in values)


def _holders(header: "Dataset", name: str, frame: int) -> "Iterator[Dataset]":
    """Yield the header parts that may contain `name`, most specific first."""
    group = GROUPS.get(name, "")
    each = header.get("PerFrameFunctionalGroupsSequence") or []
    shared = header.get("SharedFunctionalGroupsSequence") or []
    for one in [*each[frame : frame + 1], *shared[:1]] if group else []:
        yield from list(_group_items(one, group))[:1]
    # a position at the top level is that of the first frame alone
    if name != "ImagePositionPatient" or frame_count(header) == 1:
        yield header


def _group_items(holder: "Dataset", group: str) -> Any:
    return holder.get(group) or []


def _positive(header: "Dataset", name: str, count: int, frame: int) -> tuple[float, ...] | None:
    values = numbers(header, name, count, frame)
    return values if values and min(values) > 0 else None
