"""Read NRRD and MetaImage files as volumes, with SimpleITK."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.header import LPS_TO_RAS
from scanvote.datasets.volumes.itk_header import ItkHeader, read_header
from scanvote.datasets.volumes.source import (
    NamedBytes,
    Source,
    Undecodable,
    check_channel,
    check_size,
)
from scanvote.datasets.volumes.volume import Volume, reorient


def read_itk(source: Source, max_voxels: int | None = None, channel: int = 0) -> Volume:
    """Read a volume of an NRRD (.nrrd, .nhdr) or MetaImage (.mha, .mhd) file.

    A plane (2-D) is a volume of one slice without an orientation. Units of length and, of a
    MetaImage, slope and offset of the intensities are applied.

    Args:
        source: path of the file; its voxels are in it, or in one file in the same folder.
        max_voxels: maximum number of voxels of all channels together; None for no limit.
        channel: index of the volume along a list or vector axis, from 0.

    Raises:
        InputError: the file is missing, damaged, or lacks the channel.
        Undecodable: the subclass for an upload, and for a valid file of an unsupported kind.
        TooLarge: the file declares more than `max_voxels` voxels.
    """
    path = _path(source)
    header = _header(path)
    check_channel(source, channel, header.channels)
    try:
        reader = _reader(path, header)
        count = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
        check_size(source, count, max_voxels)
        _check_numbers(reader, header, path)
        voxels = _voxels(reader, header, channel)
        affine = _affine(reader, header)
    except RuntimeError as error:
        lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
        # MetaImageIO tells the last error of the system, which is none
        told = lines and not lines[-1].startswith("Reason:")
        reason = lines[-1][:160] if told else "its header or its voxels are cut off"
        raise InputError(f"{path} is no whole {header.kind} volume ({reason})") from None
    volume = reorient(voxels, affine, source, placed=header.placed, measured=header.measured)
    return replace(volume, count=header.channels)


def itk_channels(source: Source) -> int:
    """Return the number of volumes in an NRRD or MetaImage file.

    Raises:
        InputError: as in `read_itk`.
    """
    return _header(_path(source)).channels


def _path(source: Source) -> Path:
    if isinstance(source, NamedBytes):
        raise Undecodable(
            f"{source} is an NRRD or MetaImage volume, which is read from a path alone;"
            " save it as NIfTI"
        )
    return source


def _header(path: Path) -> ItkHeader:
    try:
        return read_header(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _simpleitk() -> Any:
    import SimpleITK  # slow to import, and without types

    return SimpleITK


def _reader(path: Path, header: ItkHeader) -> Any:
    """Return a reader that has read the header and no voxel."""
    _simpleitk().ProcessObject.SetGlobalWarningDisplay(False)
    reader = _simpleitk().ImageFileReader()
    # any other format that ITK knows stays out of reach, whatever the file's ending
    reader.SetImageIO("NrrdImageIO" if header.kind == "NRRD" else "MetaImageIO")
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader


def _check_numbers(reader: Any, header: ItkHeader, path: Path) -> None:
    name = _simpleitk().GetPixelIDValueAsString(reader.GetPixelID())
    if "complex" in name:
        raise Undecodable(f"{path} holds complex numbers; save their magnitude")
    if reader.GetNumberOfComponents() != header.channels or reader.GetDimension() > 3:
        raise InputError(f"{path} is a {header.kind} whose header contradicts itself; mend it")
    if not header.slope:
        raise InputError(f"{path} gives 0 as the slope of its intensities; mend it")


def _voxels(reader: Any, header: ItkHeader, channel: int) -> NDArray[Any]:
    """Read the voxels of a channel, (I, J, K)."""
    image = reader.Execute()
    stored = _simpleitk().GetArrayViewFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        stored = stored[..., channel]
    voxels = np.array(stored)  # the view ends with the image
    if header.slope != 1 or header.offset:
        voxels = voxels * header.slope + header.offset
    return np.atleast_3d(voxels.T)


def _affine(reader: Any, header: ItkHeader) -> NDArray[np.float64]:
    """Return the affine to mm in RAS+; a plane lies as it is stored."""
    axes, affine = reader.GetDimension(), np.eye(4)
    direction = np.array(reader.GetDirection()).reshape(axes, axes)
    affine[:axes, :axes] = direction * np.array(reader.GetSpacing())
    affine[:axes, 3] = reader.GetOrigin()
    affine[:3] *= header.unit
    return np.asarray(LPS_TO_RAS @ affine)
