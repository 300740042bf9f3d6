"""DICOM images and series as volumes."""

from collections.abc import Sequence

import numpy as np

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.dicom_file import DicomFile, Frame, read_file, suppress_warnings
from scanvote.datasets.volumes.header import affine_of
from scanvote.datasets.volumes.source import Source
from scanvote.datasets.volumes.volume import Volume, reorient


@suppress_warnings()
def read_dicom(sources: Sequence[Source], most: int | None = None) -> Volume:
    """One series as a volume, with the rescaling of its header applied.

    Of several images at one place, such as echoes, the first is taken.

    Args:
        sources: paths of its files, or their contents, in the order of the slices, as of
            `dicom_series`.
        most: voxels that all of them together may declare; None is no limit.

    Raises:
        InputError: a file is damaged, in colour, without pixels, compressed in a way that
            nothing here decodes, or of another size or orientation than the first.
        Undecodable: it is a sound file of such a kind.
        TooLarge: they declare more than `most` voxels.
    """
    files: list[DicomFile] = []
    for source in sources:
        read = sum(frame.pixels.size for file in files for frame in file.frames)
        files.append(read_file(source, None if most is None else most - read))
    frames = [frame for file in files for frame in file.frames]
    _check_alike(frames)
    frames = _stacked(frames)
    voxels = np.stack([frame.pixels for frame in frames]).transpose(2, 1, 0)
    first = files[0]
    if first.inverted:
        # of integers the difference may wrap around, and the sum wraps back
        voxels = voxels.max() - voxels + voxels.min()
    affine = affine_of(frames[0].place, frames[-1].place, len(frames))
    return reorient(voxels, affine, sources[0], first.patient, first.placed, first.measured)


def _check_alike(frames: Sequence[Frame]) -> None:
    first = frames[0]
    for frame in frames:
        if frame.pixels.shape != first.pixels.shape:
            raise InputError(
                f"{frame.source} is {_size(frame)}, {first.source.name} of the same series"
                f" {_size(first)}; take one of them out"
            )
        if not np.allclose(frame.place.orientation, first.place.orientation, atol=0.01):
            raise InputError(
                f"{frame.source} holds slices of another orientation than the first of its"
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


def _size(frame: Frame) -> str:
    return f"{frame.pixels.shape[1]}x{frame.pixels.shape[0]}"
