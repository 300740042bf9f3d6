"""What is taken in: scans of files that nobody vouches for, within limits."""

from dataclasses import dataclass
from typing import Literal

from scanvote.core.errors import InputError
from scanvote.images.decode import Rgb

Status = Literal[413, 415, 422]


class RejectedFile(InputError):
    """A file that is not taken in.

    Attributes:
        status: 413 too large, 415 of no format that is taken, 422 broken.
    """

    def __init__(self, reason: str, status: Status) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """What a file may hold at most.

    Attributes:
        bytes: of the file as it comes.
        pixels: of one image of it, and of a slice.
    """

    bytes: int = 32 * 2**20
    pixels: int = 40_000_000

    @property
    def voxels(self) -> int:
        """Of a volume, and of all of its slices together: 600 of 512x512 unless told otherwise."""
        return 4 * self.pixels


@dataclass(frozen=True)
class InputScan:
    """One scan, decoded as training decoded its own.

    Attributes:
        file: as whoever gave it calls it: for messages and tables, never opened.
        image: uint8 (H, W, 3).
        plane: of a slice of a volume, where it is known.
        slice: of a volume, from 0 along the axis that is cut across.
        spacing: side of a pixel in mm; 0 where the file does not tell.
        notes: what was done to look at it, such as ``16 bits windowed to 8``.
    """

    file: str
    image: Rgb
    plane: str = ""
    slice: int | None = None
    spacing: float = 0.0
    notes: tuple[str, ...] = ()
