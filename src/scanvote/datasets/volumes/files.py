"""Volumes of one file: NIfTI, NRRD or MetaImage, as its content says."""

from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.itk import itk_channels, read_itk
from scanvote.datasets.volumes.itk_header import itk_kind
from scanvote.datasets.volumes.nifti import nifti_channels, read_nifti
from scanvote.datasets.volumes.volume import Volume

HEAD = 2**12
"""First bytes of a file, enough to tell NRRD and MetaImage."""


def read_volume_file(
    path: Path, channel: int | None = None, max_voxels: int | None = None
) -> Volume:
    """Read a volume of a file.

    Args:
        path: NIfTI, NRRD or MetaImage file.
        channel: index of the volume in a file of several, from 0; None for the first.
        max_voxels: as in `read_nifti` and `read_itk`.

    Raises:
        InputError: as in `read_nifti` and `read_itk`.
    """
    read = read_itk if _is_itk(path) else read_nifti
    return read(path, max_voxels, channel or 0)


def volume_channels(path: Path) -> int:
    """Return the number of volumes in a NIfTI, NRRD or MetaImage file.

    Raises:
        InputError: the file is missing, or of none of these formats.
    """
    return itk_channels(path) if _is_itk(path) else nifti_channels(path)


def _is_itk(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return itk_kind(file.read(HEAD)) is not None
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
