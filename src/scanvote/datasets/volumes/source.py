"""Byte sources of volumes, and the limit on their size."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scanvote.core.errors import InputError


class TooLarge(InputError):
    """A volume declares more voxels than allowed."""


class Undecodable(InputError):
    """A valid file of a kind that is not supported."""


@dataclass(frozen=True)
class NamedBytes:
    """The content of a file; `name` is only for messages, never opened."""

    content: bytes
    name: str

    def __str__(self) -> str:
        return self.name


Source = Path | NamedBytes


def opened(source: Source) -> BinaryIO:
    """Open `source` as a stream of bytes, which the caller closes.

    Raises:
        OSError: the file cannot be opened.
    """
    return io.BytesIO(source.content) if isinstance(source, NamedBytes) else source.open("rb")


def check_size(source: Source, size: int, max_voxels: int | None) -> None:
    """Refuse a volume of more than `max_voxels` voxels; None for no limit.

    Raises:
        TooLarge: the volume has more voxels.
    """
    if max_voxels is not None and size > max_voxels:
        raise TooLarge(
            f"{source} declares {size / 1e6:,.0f} million voxels,"
            f" allowed are {max_voxels / 1e6:g} million; make it smaller"
        )


def check_channel(source: Source, channel: int, count: int) -> None:
    """Refuse a channel that is none of the `count` volumes of a file.

    Raises:
        InputError: it is none.
    """
    if not 0 <= channel < count:
        volumes = f"{count} volumes" if count > 1 else "one volume"
        raise InputError(f"{source} holds {volumes}, none with the index {channel}, counted from 0")
