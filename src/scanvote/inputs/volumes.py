"""Untrusted volumes, sliced as the training volumes were."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from scanvote.core.errors import InputError
from scanvote.datasets.volumes import (
    Slice,
    Source,
    TooLarge,
    Undecodable,
    Volume,
    extract_slices,
    itk_channels,
    nifti_channels,
    read_dicom,
    read_itk,
    read_nifti,
)
from scanvote.inputs.sanitise import strip_control
from scanvote.inputs.scan import InputScan, Limits, RejectedFile
from scanvote.params import VolumesParams

VolumeKind = Literal["DICOM", "NIfTI", "NRRD", "MetaImage"]

MAX_SLICES = 4096
"""Slices of one volume; each is a scan to predict."""


def read_volume(
    sources: Sequence[Source],
    name: str,
    kind: VolumeKind,
    limits: Limits,
    volumes: VolumesParams,
) -> list[InputScan]:
    """Read the slices of a volume, or its single image.

    Of a file of several volumes, the one is read that `volumes.channels` names first, or the
    first; a note says so.

    Args:
        sources: paths or contents of one file, or of the files of one DICOM series.
        name: shown in messages.
        kind: format of the sources.
        limits: `Limits.voxels` limits the volume, and its slices together.
        volumes: choice of the slices, and their window.

    Raises:
        RejectedFile: the volume is too large (413), of an encoding that cannot be decoded (415),
            or broken (422).
    """
    try:
        volume, note = _read(sources, kind, limits, volumes)
        return [
            replace(one, notes=note + one.notes) for one in _slices(volume, name, limits, volumes)
        ]
    except RejectedFile:
        raise
    except TooLarge as error:
        raise RejectedFile(strip_control(str(error)), 413) from None
    except Undecodable as error:
        raise RejectedFile(strip_control(str(error)), 415) from None
    except InputError as error:
        raise RejectedFile(strip_control(str(error)), 422) from None


def _read(
    sources: Sequence[Source], kind: VolumeKind, limits: Limits, volumes: VolumesParams
) -> tuple[Volume, tuple[str, ...]]:
    """Return the volume, and a note if it is one of several."""
    if kind == "DICOM":
        return read_dicom(sources, limits.voxels), ()
    count, read = (nifti_channels, read_nifti) if kind == "NIfTI" else (itk_channels, read_itk)
    channel = volumes.channels[0] if volumes.channels and count(sources[0]) > 1 else 0
    volume = read(sources[0], limits.voxels, channel)
    note = (f"volume {channel + 1} of {volume.count} is looked at",) if volume.count > 1 else ()
    return volume, note


def _slices(
    volume: Volume, name: str, limits: Limits, volumes: VolumesParams
) -> Iterator[InputScan]:
    pixels = 0
    for at, slice_ in enumerate(extract_slices(volume, volumes)):
        pixels += slice_.image.size
        if at >= MAX_SLICES or slice_.image.size > limits.pixels or pixels > limits.voxels:
            raise RejectedFile(f"{name} has more or larger slices than are allowed; part it", 413)
        yield _as_scan(slice_, name, bool(slice_.plane) or volume.voxels.shape[2] > 1)


def _as_scan(slice_: Slice, name: str, numbered: bool) -> InputScan:
    low, high = slice_.window
    coloured = slice_.image.ndim == 3
    return InputScan(
        name,
        slice_.image if coloured else np.repeat(slice_.image[:, :, np.newaxis], 3, axis=2),
        slice_.plane,
        slice_.number if numbered else None,
        slice_.spacing,
        () if coloured else (f"intensities {low:g} to {high:g} windowed to 8 bits",),
    )
