"""PNG and BMP files whose decoded grey values are what the file stores.

OpenCV shows a palette in its colours, and stretches grey values of less than 8 bits to 255.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

PNG = b"\x89PNG\r\n\x1a\n"
GREY, INDEXED = 0, 3
"""Colour types of PNG."""


def indices_as_grey(content: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return a copy of a PNG or BMP with grey values for a palette, and a divisor.

    The decoded values divided by it are those that the file stores. Files of other formats
    are returned as they are, with the divisor 1.
    """
    if content[:8].tobytes() == PNG and len(content) > 29:
        return _png(content)
    if content[:2].tobytes() == b"BM":
        return _bmp(content), 1
    return content, 1


def _png(content: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    bits, colours = int(content[24]), int(content[25])
    if colours not in (GREY, INDEXED) or bits > 8:
        return content, 1
    header = bytearray(content[12:29].tobytes())
    header[13] = GREY
    parts = [PNG, struct.pack(">I", 13), bytes(header), struct.pack(">I", zlib.crc32(header))]
    at = 33
    while at + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content.data, at)
        if name not in (b"PLTE", b"tRNS"):
            parts.append(content[at : at + 12 + length].tobytes())
        at += 12 + length
    return np.frombuffer(b"".join(parts), np.uint8), 255 // (2**bits - 1)


def _bmp(content: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make each colour of the palette as grey as its index."""
    if len(content) < 54:
        return content
    (start,) = struct.unpack_from("<I", content.data, 10)
    (header,) = struct.unpack_from("<I", content.data, 14)
    (bits,) = struct.unpack_from("<H", content.data, 28)
    colours = (start - 14 - header) // 4
    if header < 40 or bits > 8 or not 0 < colours <= 256 or start > len(content):
        return content
    copy = content.copy()
    copy[14 + header : 14 + header + 4 * colours] = np.repeat(np.arange(colours), 4)
    return copy
