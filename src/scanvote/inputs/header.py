"""Image headers, read before any pixel is decoded."""

from dataclasses import dataclass

ORIENTATION = 0x0112
"""Tag of the orientation in EXIF and in TIFF."""
EXIF_ROTATIONS = range(2, 9)
"""Orientations that rotate or flip the stored pixels."""


@dataclass(frozen=True)
class Header:
    """The header of an image.

    Attributes:
        width, height: in pixels, as stored.
        largest: number of pixels that a decoder may need to hold at once.
        bits: per channel of a pixel.
        mode: Pillow's name for the pixel format.
        alpha: whether it declares transparency.
        several: whether the file holds more than one frame.
        pages: number of images in a TIFF.
        exif_rotated: whether its orientation requires rotating or flipping.
    """

    width: int
    height: int
    largest: int
    bits: int = 8
    mode: str = ""
    alpha: bool = False
    several: bool = False
    pages: int = 1
    exif_rotated: bool = False


class BadHeader(Exception):
    """A header that cannot be read."""


class TooManyPixels(Exception):
    """A header that declares more pixels than Pillow accepts."""


def turned(exif: bytes) -> bool:
    """Return whether EXIF requires rotating or flipping the image."""
    from PIL import Image

    if not exif:
        return False
    tags = Image.Exif()
    try:
        tags.load(exif)
        return tags.get(ORIENTATION) in EXIF_ROTATIONS
    except Exception:  # damaged metadata says nothing against the pixels
        return False
