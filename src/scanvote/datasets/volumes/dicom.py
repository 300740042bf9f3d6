"""Read DICOM images and series as volumes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.dicom_file import DicomFile, Frame, read_file, suppress_warnings
from scanvote.datasets.volumes.header import affine_of
from scanvote.datasets.volumes.source import Source
from scanvote.datasets.volumes.volume import Volume, reorient


@suppress_warnings()
def read_dicom(sources: Sequence[Source], max_voxels: int | None = None) -> Volume:
    """Read one series as a volume, rescaled as its header states.

    Of several images at one position, such as echoes, the first is used.

    Args:
        sources: paths or contents of the files in slice order, as `dicom_series` returns them.
        max_voxels: maximum number of voxels that all files together may declare; None for
            no limit.

    Raises:
        InputError: a file is damaged, without pixels, or of another size or orientation than
            the first.
        Undecodable: the subclass for a valid file of an unsupported kind or compression.
        TooLarge: the files declare more than `max_voxels` voxels.
    """
    files: list[DicomFile] = []
    for source in sources:
        voxels_read = sum(frame.pixels.size for file in files for frame in file.frames)
        files.append(read_file(source, None if max_voxels is None else max_voxels - voxels_read))
    frames = [frame for file in files for frame in file.frames]
    _check_alike(frames)
    frames = _stack(frames)
    voxels = np.swapaxes(_shown(frames, files[0].inverted), 0, 2)
    affine = affine_of(frames[0].place, frames[-1].place, len(frames))
    placed, measured = files[0].placed, files[0].measured
    return reorient(voxels, affine, sources[0], _patient(files), placed, measured)


def _patient(files: Sequence[DicomFile]) -> str:
    """Return the patient of all files; empty if they name several, which are then no IDs."""
    patients = {file.patient for file in files}
    return patients.pop() if len(patients) == 1 else ""


def _shown(frames: Sequence[Frame], inverted: bool) -> NDArray[Any]:
    """Stack the frames, with a large value for what is bright, and the lowest for padding."""
    voxels = np.stack([frame.pixels for frame in frames])
    padded = [at for at, frame in enumerate(frames) if frame.padding is not None]
    if not inverted and not padded:
        return voxels
    low, high = _measured_range(frames)
    if inverted:
        # for integers the difference may wrap around, and the sum wraps back
        voxels = high - voxels + low
    for at in padded:
        voxels[at][frames[at].padding] = low
    return voxels


def _measured_range(frames: Sequence[Frame]) -> tuple[Any, Any]:
    """Return the smallest and the largest value outside the padding."""
    ranges = [_range(frame) for frame in frames if frame.padding is None or not frame.padding.all()]
    ranges = ranges or [(frame.pixels.min(), frame.pixels.max()) for frame in frames]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _range(frame: Frame) -> tuple[Any, Any]:
    measured = frame.pixels if frame.padding is None else frame.pixels[~frame.padding]
    return measured.min(), measured.max()


def _check_alike(frames: Sequence[Frame]) -> None:
    first = frames[0]
    for frame in frames:
        if frame.pixels.shape != first.pixels.shape:
            raise InputError(
                f"{frame.source} is {_size_text(frame)}, {first.source.name} of the same series"
                f" {_size_text(first)}; take one of them out"
            )
        if not np.allclose(frame.place.orientation, first.place.orientation, atol=0.01):
            what, advice = "the first of its series", "part them"
            if frame.source == first.source:
                what, advice = "its first", "convert it with dcm2niix, which parts the stacks"
            raise InputError(
                f"{frame.source} holds slices of another orientation than {what}; {advice}"
            )


def _stack(frames: Sequence[Frame]) -> list[Frame]:
    """Return one frame per position, sorted along the normal.

    If a frame has no position, all frames are returned in the given order.
    """
    if any(frame.place.position is None for frame in frames):
        return list(frames)
    placed: dict[tuple[float, ...], Frame] = {}
    for frame in frames:
        placed.setdefault(tuple(np.round(frame.place.position or (), 3)), frame)
    normal = frames[0].place.normal
    return sorted(placed.values(), key=lambda frame: frame.place.along_normal(normal))


def _size_text(frame: Frame) -> str:
    return f"{frame.pixels.shape[1]}x{frame.pixels.shape[0]}"
