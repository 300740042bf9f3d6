"""Group DICOM files into series by their headers alone, and say what is left out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scanvote.core.errors import InputError
from scanvote.core.machine import raise_fault
from scanvote.datasets.volumes.dicom_file import read_header, reason_of, suppress_warnings
from scanvote.datasets.volumes.dicom_kinds import is_secondary_capture, why_left_out
from scanvote.datasets.volumes.dicom_patient import patient_key
from scanvote.datasets.volumes.dicom_seg import STORAGE
from scanvote.datasets.volumes.header import Place, frame_count, numbers, place_of

if TYPE_CHECKING:
    from pydicom import Dataset

PROJECTIONS = frozenset({"CR", "DX", "IO", "MG", "PX", "RG"})
"""Modalities of radiographs: several of one series are views, not slices (PS3.3, C.7.3.1.1.1)."""
SLICES = frozenset({"CT", "MR", "PT"})
"""Modalities whose images are slices of one another even where no position is given."""
ALIKE = 0.005
"""Largest difference of a cosine within one series; `read_dicom` allows twice as much."""
EVEN = 0.1
"""Largest deviation of a distance between slices, as a share of the distance."""
FEWEST = 3
"""Number of slices from which images of one kind are a stack of their own."""


@dataclass(frozen=True)
class DicomSeries:
    """The files of one series in slice order.

    Attributes:
        paths: files, the lowest slice first.
        patient: digested key of the patient in all headers; empty if unknown.
        uid: the header's name of the series; empty if unknown.
    """

    paths: tuple[Path, ...]
    patient: str = ""
    uid: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A file that belongs to no series, with the reason.

    Attributes:
        segments: names of the series that a segmentation says it belongs to, perhaps none; None
            for any other file.
    """

    path: Path
    reason: str
    segments: frozenset[str] | None = None


@dataclass(frozen=True)
class DicomListing:
    """The DICOM files of some folders.

    Attributes:
        series: in the order of their smallest path.
        left_out: files of no series, in the order of their paths.
    """

    series: list[DicomSeries]
    left_out: list[LeftOut]


@dataclass(frozen=True)
class _Image:
    """What the header of one file tells of its place among the others."""

    path: Path
    series: str
    study: str
    patient: str
    modality: str
    name: tuple[str, str]
    size: tuple[int, int]
    frames: int
    number: float | None
    capture: bool
    place: Place

    @property
    def placed(self) -> bool:
        return self.place.position is not None

    @property
    def alone(self) -> bool:
        """Whether it is a scan of its own, not a slice of another's."""
        slice_like = self.placed or (self.modality in SLICES and not self.capture)
        return self.frames > 1 or self.modality in PROJECTIONS or not slice_like


@suppress_warnings()
def dicom_series(paths: Iterable[Path]) -> DicomListing:
    """Group the DICOM scans among `paths` into series, in slice order, folder by folder.

    The header names the series of a file. Slices of another orientation, files of several
    frames, radiographs and images without a position are series of their own; single images
    that lie evenly behind one another are one series, whatever their headers name. Objects
    that are no scans, localisers, pages about a scan, and second images at one position are
    left out. Files other than DICOM are left out as well.
    """
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(paths):
        folders[path.parent].append(path)
    left_out: list[LeftOut] = []
    stacks = [stack for inside in folders.values() for stack in _stacks(inside, left_out)]
    stacks = _without_captures(stacks, left_out)
    series = [
        DicomSeries(tuple(one.path for one in stack), _patient(stack), stack[0].series)
        for stack in stacks
    ]
    return DicomListing(
        sorted(series, key=lambda one: min(one.paths)),
        sorted(left_out, key=lambda one: one.path),
    )


def _stacks(paths: Sequence[Path], left_out: list[LeftOut]) -> Iterator[list[_Image]]:
    """Yield the series of one folder, and add what belongs to none to `left_out`."""
    groups: dict[tuple[str, ...], list[_Image]] = defaultdict(list)
    for path in paths:
        image = _read(path)
        if isinstance(image, LeftOut):
            left_out.append(image)
        else:
            own = (str(path),) if image.alone else (str(image.placed),)
            groups[image.series, *own].append(image)
    stacks = [
        _one_per_position(_sorted(stack), left_out)
        for group in groups.values()
        for turned in _without_scouts(_by_orientation(group), left_out)
        for stack in _by_size(turned, left_out)
    ]
    yield from _joined(stacks)


def _read(path: Path) -> _Image | LeftOut:
    """Return what the header tells; or why the file is left out."""
    try:
        header = read_header(path, pixels=False)
        if reason := why_left_out(header):
            return LeftOut(path, reason, _segmented(header))
        if "Rows" not in header:
            return LeftOut(path, "DICOM without pixels")
        return _image(path, header)
    except InputError as error:
        raise_fault(error)
        return LeftOut(path, str(error).removeprefix(f"{path} ").removeprefix("is "))
    except Exception as error:  # pydicom has no error class for damaged files
        raise_fault(error)
        return LeftOut(path, f"no whole DICOM file ({reason_of(error)})")


def _segmented(header: "Dataset") -> frozenset[str] | None:
    """Return the names of the series that a segmentation refers to; None for another object."""
    if header.get("SOPClassUID") != STORAGE:
        return None
    named = header.get("ReferencedSeriesSequence") or []
    return frozenset(str(one.get("SeriesInstanceUID", "")) for one in named) - {""}


def _image(path: Path, header: "Dataset") -> _Image:
    number = numbers(header, "InstanceNumber", 1)
    place = place_of(header)
    if numbers(header, "ImageOrientationPatient", 6) is None:
        place = replace(place, position=None)  # it lies in an unknown plane
    return _Image(
        path=path,
        series=str(header.get("SeriesInstanceUID", "")),
        study=str(header.get("StudyInstanceUID", "")),
        patient=patient_key(header),
        modality=str(header.get("Modality", "")),
        name=(str(header.get("SeriesNumber", "")), str(header.get("SeriesDescription", ""))),
        size=(int(header.Rows), int(header.get("Columns", 0))),
        frames=frame_count(header),
        number=number[0] if number else None,
        capture=is_secondary_capture(header),
        place=place,
    )


def _by_orientation(images: Sequence[_Image]) -> list[list[_Image]]:
    """Part images by orientation; rounding, such as -0 for 0, parts nothing."""
    stacks: list[list[_Image]] = []
    for image in images:
        axes = np.array(image.place.orientation)
        for stack in stacks:
            if np.abs(axes - stack[0].place.orientation).max() <= ALIKE:
                stack.append(image)
                break
        else:
            stacks.append([image])
    return stacks


def _without_scouts(stacks: Sequence[list[_Image]], left_out: list[LeftOut]) -> list[list[_Image]]:
    """Leave out a few images that are turned against the stack of their series."""
    most = max(len(stack) for stack in stacks)
    kept = []
    for stack in stacks:
        if len(stack) < FEWEST < most:
            reason = f"turned against the {most} slices of its series, as a localiser is"
            left_out.extend(LeftOut(image.path, reason) for image in stack)
        else:
            kept.append(stack)
    return kept


def _by_size(images: Sequence[_Image], left_out: list[LeftOut]) -> list[list[_Image]]:
    """Part images by size; a few of another size than a stack are left out."""
    sizes = Counter(image.size for image in images)
    size, count = sizes.most_common(1)[0]
    stacks: dict[tuple[int, int], list[_Image]] = defaultdict(list)
    for image in images:
        if image.size != size and sizes[image.size] < FEWEST <= count:
            reason = f"{_pixels(image.size)} pixels, where its series has {_pixels(size)}"
            left_out.append(LeftOut(image.path, reason))
        else:
            stacks[image.size].append(image)
    return list(stacks.values())


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"


def _sorted(images: Sequence[_Image]) -> list[_Image]:
    """Sort slices by coordinate along their common normal, number and path."""
    normal = images[0].place.normal
    return sorted(
        images, key=lambda one: (one.place.along_normal(normal), one.number or 0.0, str(one.path))
    )


def _one_per_position(images: Sequence[_Image], left_out: list[LeftOut]) -> list[_Image]:
    """Keep the first image at each position, as `read_dicom` does."""
    kept: dict[object, _Image] = {}
    for image in images:
        position = image.place.position
        key = tuple(np.round(position, 3)) if position else image.path
        first = kept.setdefault(key, image)
        if first is not image:
            reason = f"a second image at the position of {first.path.name}, such as an echo"
            left_out.append(LeftOut(image.path, reason))
    return list(kept.values())


def _joined(stacks: Sequence[list[_Image]]) -> Iterator[list[_Image]]:
    """Join single images that are slices of one volume.

    Some programs that anonymise give each file a series of its own.
    """
    singles: dict[tuple[object, ...], list[_Image]] = defaultdict(list)
    for stack in stacks:
        if len(stack) > 1 or stack[0].alone:
            yield stack
        else:
            one = stack[0]
            spacing = tuple(np.round(one.place.spacing, 3))
            singles[one.modality, *one.name, one.size, spacing].append(one)
    for images in singles.values():
        for turned in _by_orientation(images):
            ordered = _sorted(turned)
            yield from [ordered] if _is_volume(ordered) else [[one] for one in ordered]


def _is_volume(images: Sequence[_Image]) -> bool:
    """Return whether ordered single images are evenly spaced slices of one patient."""
    patients = len({image.patient for image in images})
    numbers_told = [image.number for image in images if image.number is not None]
    if len(images) < FEWEST or patients not in (1, len(images)):
        return False
    if len(set(numbers_told)) < len(numbers_told):  # all are the first of a series
        return False
    steps = np.diff([image.place.position for image in images], axis=0)
    step = np.median(steps, axis=0)
    distance = float(np.dot(step, images[0].place.normal))
    return distance > 0 and bool(np.abs(steps - step).max() <= EVEN * distance)


def _patient(images: Sequence[_Image]) -> str:
    patients = {image.patient for image in images}
    return patients.pop() if len(patients) == 1 else ""


def _without_captures(
    stacks: Sequence[list[_Image]], left_out: list[LeftOut]
) -> list[list[_Image]]:
    """Leave out secondary captures without a position beside scans that have one.

    Beside means in one folder, of one study or of one patient. Where no scan has a position,
    they may be the scans themselves, such as converted radiographs.
    """
    scans: set[object] = set()
    for image in (stack[0] for stack in stacks if stack[0].placed):
        scans |= {image.path.parent, *filter(None, (image.study, image.patient))}
    kept = []
    for stack in stacks:
        image = stack[0]
        beside = scans & {image.path.parent, image.study, image.patient}
        if image.capture and not image.placed and beside:
            reason = "a secondary capture without a position, beside scans that have one"
            left_out.extend(LeftOut(one.path, reason) for one in stack)
        else:
            kept.append(stack)
    return kept
