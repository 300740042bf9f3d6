"""Read NIfTI files as volumes."""

import gzip
import io
import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.source import Source, check_size, opened
from scanvote.datasets.volumes.volume import Volume, reorient

if TYPE_CHECKING:
    from nibabel import Nifti1Header

GZIP = b"\x1f\x8b"
EXTENSIONS = 2**24
"""Maximum bytes before the voxels; a header with its extensions needs a fraction."""


def read_nifti(source: Source, max_voxels: int | None = None) -> Volume:
    """Read the volume of a ``.nii`` or ``.nii.gz`` file.

    Of a file with several volumes (4-D) the first is read. A compressed file is unpacked only
    as far as its header declares.

    Args:
        source: path or content of the file.
        max_voxels: maximum number of voxels that it may declare; None for no limit.

    Raises:
        InputError: the file is missing, truncated, holds no volume of real numbers, or lacks
            a valid affine or voxel offset.
        TooLarge: the file declares more than `max_voxels` voxels.
    """
    try:
        voxels, affine = _read_first(source, max_voxels)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{source} does not exist") from None
    except Exception as error:  # nibabel, gzip and numpy raise many types for a damaged file
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{source} is no whole NIfTI volume ({reason})") from None
    if voxels.ndim != 3 or not voxels.size or voxels.dtype.kind not in "biuf":
        raise InputError(
            f"{source} holds {voxels.dtype.name} of shape {voxels.shape}, no volume of real numbers"
        )
    return reorient(voxels, affine, source)


def _read_first(source: Source, max_voxels: int | None) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Read the first volume, scaled as its header states, and the affine."""
    import nibabel

    with ExitStack() as stack:
        stream = stack.enter_context(_unpacked(stack.enter_context(opened(source))))
        start = stream.read(nibabel.Nifti2Header.sizeof_hdr)
        image_class = (
            nibabel.Nifti2Image
            if nibabel.Nifti2Image.header_class.may_contain_header(start)
            else nibabel.Nifti1Image
        )
        header = image_class.header_class.from_fileobj(io.BytesIO(start), check=True)
        length = _length(source, header, max_voxels)
        content = start[:length] + stream.read(max(0, length - len(start)))
        stream.read(1)  # at the end of a compressed file, gzip verifies its checksum
    image = image_class.from_bytes(content)
    stored = image.dataobj
    first_volume = (0,) * (stored.ndim - 3)
    return np.asanyarray(stored[(..., *first_volume)] if first_volume else stored), image.affine


def _unpacked(stream: BinaryIO) -> BinaryIO:
    compressed = stream.read(len(GZIP)) == GZIP
    stream.seek(0)
    return gzip.GzipFile(fileobj=stream) if compressed else stream  # type: ignore[return-value]


def _length(source: Source, header: "Nifti1Header", max_voxels: int | None) -> int:
    """Return the file's length in bytes up to the first volume's end."""
    size = math.prod(int(side) for side in header.get_data_shape()[:3])
    check_size(source, size, max_voxels)
    offset = int(header["vox_offset"])
    if not 0 < offset <= EXTENSIONS:
        raise InputError(f"{source} gives no offset of its voxels in the file; mend it")
    return offset + size * int(header.get_data_dtype().itemsize)
