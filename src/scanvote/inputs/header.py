"""What the header of an image declares, read before any of its pixels are decoded."""

from dataclasses import dataclass

ORIENTATION = 0x0112
"""Tag of EXIF and of TIFF."""
EXIF_ROTATIONS = range(2, 9)
"""Orientations other than that in which the pixels are stored."""


@dataclass(frozen=True)
class Header:
    """Of an image.

    Attributes:
        width, height: in pixels, as they are stored.
        largest: pixels that a decoder may need to hold at once.
        bits: of one channel of a pixel.
        mode: as Pillow names it.
        alpha: whether it declares transparency.
        several: whether it holds more than one image.
        turned: whether its orientation asks for it to be turned or mirrored.
    """

    width: int
    height: int
    largest: int
    bits: int = 8
    mode: str = ""
    alpha: bool = False
    several: bool = False
    exif_rotated: bool = False


class BadHeader(Exception):
    """The header cannot be read."""


class TooManyPixels(Exception):
    """The header declares more pixels than Pillow would look at."""


def turned(exif: bytes) -> bool:
    """Whether EXIF asks for the image to be turned or mirrored."""
    from PIL import Image

    if not exif:
        return False
    tags = Image.Exif()
    try:
        tags.load(exif)
        return tags.get(ORIENTATION) in EXIF_ROTATIONS
    except Exception:  # a damaged remark on the image is none on its pixels
        return False
