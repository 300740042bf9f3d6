"""Number of pixels that an image declares, found in less than a millisecond."""

import struct
from itertools import islice

from scanvote.images.codec.tiff import BadTiff, read_page
from scanvote.inputs.formats import image_format
from scanvote.inputs.header import BadHeader
from scanvote.inputs.pillow_header import segments
from scanvote.inputs.tiff_header import sides

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers of a frame, which holds height and width (ITU-T T.81, table B.1)."""
MAX_SEGMENTS = 2**9
MAX_SIDE = 2**14 - 1
"""Largest side of a WebP image without canvas, less one where it is lossless."""
OLD_BMP = 12
"""Bytes of the header of OS/2, whose sides are of two bytes."""


def declared_pixels(content: bytes) -> int | None:
    """Return the pixels that an image declares; nothing is decoded or checked.

    Returns:
        the number; None for a volume, another file, or a header that cannot be read.
    """
    try:
        width, height = _sides(content)
    except (BadHeader, BadTiff, IndexError, struct.error):
        return None
    return abs(width * height)


def _sides(content: bytes) -> tuple[int, int]:
    """Return width and height."""
    match image_format(content):
        case "PNG":
            return struct.unpack_from(">2I", content, 16)
        case "JPEG":
            return _jpeg_sides(content)
        case "TIFF":
            return sides(read_page(content))
        case "BMP":  # the height is negative where the first row is the top one
            old = content[14] == OLD_BMP
            return struct.unpack_from("<2H" if old else "<2i", content, 18)
        case "WEBP":
            return _webp_sides(content)
    raise BadHeader


def _jpeg_sides(content: bytes) -> tuple[int, int]:
    for marker, at in islice(segments(content), MAX_SEGMENTS):
        if marker in FRAMES:
            height, width = struct.unpack_from(">2H", content, at + 5)
            return width, height
    raise BadHeader


def _webp_sides(content: bytes) -> tuple[int, int]:
    """Read the sides of a canvas, or of the only image (RFC 9649)."""
    match content[12:16]:
        case b"VP8X":
            sides = content[24:27], content[27:30]
            width, height = (int.from_bytes(side, "little") + 1 for side in sides)
            return width, height
        case b"VP8L":
            (packed,) = struct.unpack_from("<21xI", content)
            return (packed & MAX_SIDE) + 1, (packed >> 14 & MAX_SIDE) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<26x2H", content)
            return width & MAX_SIDE, height & MAX_SIDE
    raise BadHeader
