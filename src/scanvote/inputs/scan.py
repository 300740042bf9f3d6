"""Scans from untrusted files, and the limits of these files."""

from dataclasses import dataclass
from typing import Literal

from scanvote.core.errors import InputError
from scanvote.images.decode import Rgb

Status = Literal[413, 415, 422]


class RejectedFile(InputError):
    """A rejected input file.

    Attributes:
        status: 413 too large, 415 no accepted format, 422 broken.
    """

    def __init__(self, reason: str, status: Status) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """Upper limits of an input file.

    Attributes:
        bytes: of the file as received.
        pixels: of one image in it, or of one slice.
    """

    bytes: int = 32 * 2**20
    pixels: int = 40_000_000

    @property
    def voxels(self) -> int:
        """Voxels of a volume, and of its slices together.

        It is 600 slices of 512x512 by default.
        """
        return 4 * self.pixels


@dataclass(frozen=True)
class InputScan:
    """One input scan, decoded as the training scans were.

    Attributes:
        file: file name as given, for messages and tables; never opened.
        image: uint8 (H, W, 3).
        plane: of a slice of a volume, if known; else empty.
        slice: index of a slice in its volume, from 0 along the axis across its plane, or of a
            frame in its film.
        spacing: side of a pixel in mm; 0 if unknown.
        notes: conversions, such as ``16 bits windowed to 8``.
    """

    file: str
    image: Rgb
    plane: str = ""
    slice: int | None = None
    spacing: float = 0.0
    notes: tuple[str, ...] = ()
