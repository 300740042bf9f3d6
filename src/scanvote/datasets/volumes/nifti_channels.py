"""Read the volumes of a 4-D NIfTI file one after another."""

import struct
from collections.abc import Collection, Iterator
from contextlib import ExitStack

import numpy as np

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.nifti import _unpacked
from scanvote.datasets.volumes.source import NamedBytes, Source, opened

NIFTI_1, NIFTI_2 = 348, 540
"""Sizes of the headers, which are their first field; what matters here lies in the first."""


def count_volumes(source: Source) -> int:
    """Return the number of volumes in a NIfTI file; 1 for a damaged one."""
    try:
        with ExitStack() as stack:
            stream = stack.enter_context(_unpacked(stack.enter_context(opened(source))))
            return int(np.prod(_dimensions(stream.read(NIFTI_1))[4:]))
    except (OSError, EOFError, struct.error, ValueError):
        return 1  # the reader says what is wrong


def volumes_of(source: Source, wanted: Collection[int]) -> Iterator[tuple[int, NamedBytes]]:
    """Yield each wanted volume of a 4-D file as a NIfTI file of its own.

    One volume at a time is in memory.

    Raises:
        InputError: the file is truncated, or damaged.
    """
    try:
        with ExitStack() as stack:
            stream = stack.enter_context(_unpacked(stack.enter_context(opened(source))))
            header = bytearray(stream.read(NIFTI_1))
            order, bits, offset = _fields(header)
            header += stream.read(max(0, offset - len(header)))
            _make_3d(header, order)
            voxels = int(np.prod(_dimensions(header)[1:4])) * bits // 8
            for number in range(max(wanted) + 1):
                content = stream.read(voxels)
                if number in wanted:
                    yield number, NamedBytes(bytes(header) + content, str(source))
    except (OSError, EOFError, struct.error, ValueError) as error:
        raise InputError(f"{source} is no whole NIfTI volume ({error})") from None


def _order(header: bytes | bytearray) -> str:
    (size,) = struct.unpack_from("<i", header)
    return "<" if size in (NIFTI_1, NIFTI_2) else ">"


def _fields(header: bytes | bytearray) -> tuple[str, int, int]:
    """Return the byte order, the bits of a voxel and the offset of the voxels."""
    order = _order(header)
    if struct.unpack_from(f"{order}i", header)[0] == NIFTI_2:
        (bits,), (offset,) = (
            struct.unpack_from(order + form, header, at) for form, at in (("h", 14), ("q", 168))
        )
    else:
        (bits,), (offset,) = (
            struct.unpack_from(order + form, header, at) for form, at in (("h", 72), ("f", 108))
        )
    return order, int(bits), int(offset)


def _dimensions(header: bytes | bytearray) -> tuple[int, ...]:
    """Return the eight fields of ``dim``, with 1 for those that are not used."""
    order = _order(header)
    (size,) = struct.unpack_from(f"{order}i", header)
    if size not in (NIFTI_1, NIFTI_2):
        raise ValueError("no NIfTI header")
    form, at = ("8q", 16) if size == NIFTI_2 else ("8h", 40)
    used, *sides = struct.unpack_from(order + form, header, at)
    return (used, *(max(1, side) if at < used else 1 for at, side in enumerate(sides)))


def _make_3d(header: bytearray, order: str) -> None:
    """Change ``dim`` to three dimensions."""
    sides = _dimensions(header)[1:4]
    (size,) = struct.unpack_from(f"{order}i", header)
    form, at = ("8q", 16) if size == NIFTI_2 else ("8h", 40)
    struct.pack_into(order + form, header, at, 3, *sides, 1, 1, 1, 1)
