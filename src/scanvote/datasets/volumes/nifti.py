"""NIfTI files."""

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
"""Most bytes that are read before the voxels; a header with its extensions needs a fraction."""


def read_nifti(source: Source, most: int | None = None) -> Volume:
    """The volume in a ``.nii`` or ``.nii.gz`` file; of several (4-D) the first.

    Of a compressed file no more is unpacked than its header declares.

    Args:
        source: a path, or the content of a file.
        most: voxels that it may declare; None is no limit.

    Raises:
        InputError: the file is missing, truncated, holds no volume of real numbers, or
            does not tell where its voxels lie.
        TooLarge: it declares more than `most` voxels.
    """
    try:
        voxels, affine = _read(source, most)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{source} does not exist") from None
    except Exception as error:  # nibabel, gzip and numpy each have their own for a damaged file
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{source} is no whole NIfTI volume ({reason})") from None
    if voxels.ndim != 3 or not voxels.size or voxels.dtype.kind not in "biuf":
        raise InputError(
            f"{source} holds {voxels.dtype.name} of shape {voxels.shape}, no volume of real numbers"
        )
    return reorient(voxels, affine, source)


def _read(source: Source, most: int | None) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The voxels of the first volume as they are meant, and the affine."""
    import nibabel

    with ExitStack() as stack:
        stream = stack.enter_context(_unpacked(stack.enter_context(opened(source))))
        start = stream.read(nibabel.Nifti2Header.sizeof_hdr)
        kind = (
            nibabel.Nifti2Image
            if nibabel.Nifti2Image.header_class.may_contain_header(start)
            else nibabel.Nifti1Image
        )
        header = kind.header_class.from_fileobj(io.BytesIO(start), check=True)
        length = _length(source, header, most)
        content = start[:length] + stream.read(max(0, length - len(start)))
        stream.read(1)  # at the end of a compressed file its checksum is looked at
    image = kind.from_bytes(content)
    stored = image.dataobj
    beyond = (0,) * (stored.ndim - 3)
    return np.asanyarray(stored[(..., *beyond)] if beyond else stored), image.affine


def _unpacked(stream: BinaryIO) -> BinaryIO:
    packed = stream.read(len(GZIP)) == GZIP
    stream.seek(0)
    return gzip.GzipFile(fileobj=stream) if packed else stream  # type: ignore[return-value]


def _length(source: Source, header: "Nifti1Header", most: int | None) -> int:
    """Bytes of the file up to the end of its first volume."""
    size = math.prod(int(side) for side in header.get_data_shape()[:3])
    check_size(source, size, most)
    offset = int(header["vox_offset"])
    if not 0 < offset <= EXTENSIONS:
        raise InputError(f"{source} tells no place of its voxels in the file; mend it")
    return offset + size * int(header.get_data_dtype().itemsize)
