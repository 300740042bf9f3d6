"""Where the bytes of a volume come from, and how much of them may be unpacked."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scanvote.core.errors import InputError


class TooLarge(InputError):
    """A volume declares more than may be unpacked."""


class Undecodable(InputError):
    """A sound file, of a kind that nothing here decodes."""


@dataclass(frozen=True)
class NamedBytes:
    """The content of a file, which messages call `name`; nothing of that name is opened."""

    content: bytes
    name: str

    def __str__(self) -> str:
        return self.name


Source = Path | NamedBytes


def opened(source: Source) -> BinaryIO:
    """A stream of the bytes of `source`; to be closed.

    Raises:
        OSError: the file cannot be opened.
    """
    return io.BytesIO(source.content) if isinstance(source, NamedBytes) else source.open("rb")


def check_size(source: Source, size: int, most: int | None) -> None:
    """Refuse a volume of more than `most` voxels; None is no limit.

    Raises:
        TooLarge: it has more.
    """
    if most is not None and size > most:
        raise TooLarge(
            f"{source} declares {size / 1e6:,.0f} million voxels,"
            f" allowed are {most / 1e6:g} million; make it smaller"
        )
