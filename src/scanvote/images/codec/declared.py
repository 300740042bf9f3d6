"""Sizes that image files declare, to say why one is not decoded."""

import struct

import numpy as np
from numpy.typing import NDArray

from scanvote.images.codec import tiff
from scanvote.images.codec.errors import DecodeError, ImageTooLarge

MAX_PIXELS, MAX_SIDE = 2**30, 2**20
"""Limits of OpenCV."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG that are followed by its size (ITU-T T.81, table B.1)."""


def failure(content: NDArray[np.uint8], name: object) -> DecodeError:
    """Return the error for content that OpenCV does not decode."""
    if not content.size:
        return DecodeError(f"{name} is empty")
    width, height = _declared_size(content)
    if width * height <= MAX_PIXELS and max(width, height) <= MAX_SIDE:
        return DecodeError(f"{name} is no whole image")
    return ImageTooLarge(
        f"{name} has {width}x{height} pixels, more than the {MAX_PIXELS / 1e6:,.0f} million,"
        f" or {MAX_SIDE / 1e6:.1f} million a side, that can be decoded; make it smaller"
    )


def _declared_size(content: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the width and height that a header declares, or zeros."""
    try:
        if tiff.is_tiff(content):
            page = tiff.read_page(content)
            return page.number(tiff.WIDTH), page.number(tiff.HEIGHT)
        if content[:2].tobytes() == b"\xff\xd8":
            return _jpeg_size(content)
        if content[:2].tobytes() == b"BM":
            width, height = struct.unpack_from("<2i", content.data, 18)
            return abs(width), abs(height)
        is_png = content[:4].tobytes() == b"\x89PNG"
        return struct.unpack_from(">2I", content.data, 16) if is_png else (0, 0)
    except (struct.error, tiff.BadTiff):
        return 0, 0


def _jpeg_size(content: NDArray[np.uint8]) -> tuple[int, int]:
    at = 2
    while True:
        marker, length = struct.unpack_from(">2H", content.data, at)
        if marker >> 8 != 0xFF:
            return 0, 0
        if marker & 0xFF in _FRAMES:
            height, width = struct.unpack_from(">2H", content.data, at + 5)
            return width, height
        at += 2 + length
