"""Volumes of files that nobody vouches for, cut to slices as those of the training were."""

from collections.abc import Iterator, Sequence
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
    read_dicom,
    read_nifti,
)
from scanvote.inputs.sanitise import strip_control
from scanvote.inputs.scan import InputScan, Limits, RejectedFile
from scanvote.params import VolumesParams

MOST_SLICES = 4096
"""Of one volume: each is a scan to be examined."""


def read_volume(
    sources: Sequence[Source],
    name: str,
    kind: Literal["DICOM", "NIfTI"],
    limits: Limits,
    volumes: VolumesParams,
) -> list[InputScan]:
    """The slices of a NIfTI file or of the files of a DICOM series, or its single image.

    Args:
        sources: paths or contents.
        name: to be shown.
        kind: what they are.
        limits: `Limits.voxels` bounds the volume, and its slices together.
        volumes: which slices are cut, and how bright.

    Raises:
        Refused: it is too large, of a kind that nothing here decodes, or broken.
    """
    try:
        read = (
            read_nifti(sources[0], limits.voxels)
            if kind == "NIfTI"
            else read_dicom(sources, limits.voxels)
        )
        return list(_scans(read, name, limits, volumes))
    except RejectedFile:
        raise
    except TooLarge as error:
        raise RejectedFile(strip_control(str(error)), 413) from None
    except Undecodable as error:
        raise RejectedFile(strip_control(str(error)), 415) from None
    except InputError as error:
        raise RejectedFile(strip_control(str(error)), 422) from None


def _scans(
    volume: Volume, name: str, limits: Limits, volumes: VolumesParams
) -> Iterator[InputScan]:
    pixels = 0
    for at, cut in enumerate(extract_slices(volume, volumes)):
        pixels += cut.image.size
        if at >= MOST_SLICES or cut.image.size > limits.pixels or pixels > limits.voxels:
            raise RejectedFile(f"{name} has more or larger slices than are allowed; part it", 413)
        yield _scan(cut, name)


def _scan(cut: Slice, name: str) -> InputScan:
    low, high = cut.window
    return InputScan(
        name,
        np.repeat(cut.image[:, :, np.newaxis], 3, axis=2),
        cut.plane,
        cut.number if cut.plane else None,
        cut.spacing,
        (f"intensities {low:g} to {high:g} windowed to 8 bits",),
    )
