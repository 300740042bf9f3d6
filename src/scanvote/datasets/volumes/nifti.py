"""Read NIfTI files as volumes."""

import gzip
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.source import Source, check_channel, check_size, opened
from scanvote.datasets.volumes.volume import Volume, reorient

if TYPE_CHECKING:
    from nibabel import Nifti1Header, Nifti1Image

GZIP = b"\x1f\x8b"
EXTENSIONS = 2**24
"""Maximum bytes before the voxels; a header with its extensions needs a fraction."""
BLOCK = 2**20
"""Bytes that are read at once of volumes that are not used."""
MM = {1: 1000.0, 3: 0.001}
"""Millimetres of a metre and a micrometre, by their codes in ``xyzt_units``."""
UNIT_BITS = 0b111
"""Bits of ``xyzt_units`` that are the unit of length."""
CIFTI = range(3000, 3100)
"""Intents of files that hold values of a cortical surface, or a matrix of them."""


def read_nifti(source: Source, max_voxels: int | None = None, channel: int = 0) -> Volume:
    """Read a volume of a ``.nii`` or ``.nii.gz`` file.

    A plane (2-D) is a volume of one slice. A compressed file is unpacked only as far as the
    volume's end; the volumes before it are never held.

    Args:
        source: path or content of the file.
        max_voxels: maximum number of voxels that a volume may declare; None for no limit.
        channel: index of the volume in a file of several (4-D), from 0.

    Raises:
        InputError: the file is missing or truncated, holds no real numbers, or lacks a valid
            affine, a valid voxel offset or the channel.
        TooLarge: a volume declares more than `max_voxels` voxels.
    """
    with _reading(source) as (stream, image_class, header, start):
        check_channel(source, channel, _count(header))
        size = math.prod(_sides(header))
        check_size(source, size, max_voxels)
        image = _one_volume(source, stream, image_class, header, start, channel)
        voxels = np.asanyarray(image.dataobj)
        affine = _affine(image)
    return replace(reorient(voxels, affine, source), count=_count(header))


def nifti_channels(source: Source) -> int:
    """Return the number of volumes in a NIfTI file: 1, or the length of the axes after three.

    Raises:
        InputError: the file is missing or no NIfTI file.
    """
    with _reading(source) as (_, _, header, _):
        return _count(header)


@contextmanager
def _reading(
    source: Source,
) -> "Iterator[tuple[BinaryIO, type[Nifti1Image], Nifti1Header, bytes]]":
    """Yield the stream, its class of images, its header and the bytes read for it."""
    import nibabel

    try:
        with opened(source) as packed, _unpacked(packed) as stream:
            start = stream.read(nibabel.Nifti2Header.sizeof_hdr)
            image_class = (
                nibabel.Nifti2Image
                if nibabel.Nifti2Image.header_class.may_contain_header(start)
                else nibabel.Nifti1Image
            )
            header = image_class.header_class.from_fileobj(io.BytesIO(start), check=True)
            _check_numbers(source, header)
            yield stream, image_class, header, start
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{source} does not exist") from None
    except Exception as error:  # nibabel, gzip and numpy raise many types for a damaged file
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{source} is no whole NIfTI volume ({reason})") from None


def _unpacked(stream: BinaryIO) -> BinaryIO:
    compressed = stream.read(len(GZIP)) == GZIP
    stream.seek(0)
    return gzip.GzipFile(fileobj=stream) if compressed else stream  # type: ignore[return-value]


def _check_numbers(source: Source, header: "Nifti1Header") -> None:
    """Refuse voxels that are no real numbers, and shapes that are no volume."""
    dtype, shape = header.get_data_dtype(), header.get_data_shape()
    if bytes(header["magic"]).startswith((b"ni1", b"ni2")):
        raise InputError(f"{source} is the header of a pair of files; save both as one .nii file")
    if int(header["intent_code"]) in CIFTI:
        raise InputError(f"{source} holds values of a surface (CIFTI), no image or volume")
    if dtype.kind == "c":
        raise InputError(f"{source} holds complex numbers; save their magnitude")
    if dtype.kind not in "biuf":
        raise InputError(f"{source} holds colours (RGB); save it as grey values")
    if len(shape) < 2 or not math.prod(shape):
        raise InputError(f"{source} has the shape {tuple(shape)}, which is no image or volume")


def _sides(header: "Nifti1Header") -> tuple[int, ...]:
    """Return the shape of one volume."""
    return (*(int(side) for side in header.get_data_shape()[:3]), 1)[:3]


def _count(header: "Nifti1Header") -> int:
    return math.prod(int(side) for side in header.get_data_shape()[3:])


def _one_volume(
    source: Source,
    stream: BinaryIO,
    image_class: "type[Nifti1Image]",
    header: "Nifti1Header",
    start: bytes,
    channel: int,
) -> "Nifti1Image":
    """Return an image of the volume `channel` alone."""
    offset, sides = int(header["vox_offset"]), _sides(header)
    if not 0 < offset <= EXTENSIONS:
        raise InputError(f"{source} gives no offset of its voxels in the file; mend it")
    size = math.prod(sides) * int(header.get_data_dtype().itemsize)
    before = start[:offset] + stream.read(max(0, offset - len(start)))
    first = start[offset:]  # a NIfTI-1 header is shorter than what was read
    skipped = channel * size
    _skip(stream, skipped - len(first))
    first = first[skipped:][:size]
    content = first + stream.read(size - len(first))
    stream.read(1)  # at the end of a compressed file, gzip verifies its checksum
    alone = header.copy()
    alone.set_data_shape(sides)
    head = alone.binaryblock
    return image_class.from_bytes(head + before[len(head) :] + content)


def _skip(stream: BinaryIO, count: int) -> None:
    while count > 0:
        read = len(stream.read(min(count, BLOCK)))
        if not read:
            raise EOFError("it ends before the volume")
        count -= read


def _affine(image: "Nifti1Image") -> NDArray[np.float64]:
    """Return the affine in mm; a plane without an axis across it gets one of 1 mm."""
    affine = np.array(image.affine, np.float64)
    affine[:3] *= MM.get(int(image.header["xyzt_units"]) & UNIT_BITS, 1.0)
    across = affine[:3, 2]
    if image.shape[2] == 1 and not np.linalg.norm(np.nan_to_num(across)) > 0:
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        affine[:3, 2] = normal / (np.linalg.norm(normal) or 1)
    return affine
