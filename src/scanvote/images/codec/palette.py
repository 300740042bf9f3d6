"""Palettes of PNG and BMP files, and the indices into them.

OpenCV shows a palette in its colours, and stretches grey values of less than 8 bits to 255.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PNG = b"\x89PNG\r\n\x1a\n"
GREY, INDEXED = 0, 3
"""Colour types of PNG."""


@dataclass(frozen=True)
class Plain:
    """A file that OpenCV decodes to its values times a divisor.

    Attributes:
        content: of the file.
        divisor: of the decoded values.
        colours: of the palette that `content` lacks, uint8 (N, 3); None without one.
        alpha: of these colours, uint8 (N,); None if all are opaque.
    """

    content: NDArray[np.uint8]
    divisor: int = 1
    colours: NDArray[np.uint8] | None = None
    alpha: NDArray[np.uint8] | None = None


def without_palette(content: NDArray[np.uint8]) -> Plain:
    """Return a PNG or BMP with grey values for its palette.

    Files of other formats are returned as they are.
    """
    if content[:8].tobytes() == PNG and len(content) > 29:
        return _png(content)
    return _bmp(content) if content[:2].tobytes() == b"BM" else Plain(content)


def _png(content: NDArray[np.uint8]) -> Plain:
    bits, kind = int(content[24]), int(content[25])
    if kind not in (GREY, INDEXED) or bits > 8:
        return Plain(content)
    header = bytearray(content[12:29].tobytes())
    header[13] = GREY
    parts = [PNG, struct.pack(">I", 13), bytes(header), struct.pack(">I", zlib.crc32(header))]
    colours = alpha = None
    for name, chunk in _chunks(content):
        if name == b"PLTE" and kind == INDEXED:
            colours = chunk[8 : 8 + (len(chunk) - 12) // 3 * 3].reshape(-1, 3)
        elif name == b"tRNS" and kind == INDEXED and colours is not None:
            alpha = np.full(len(colours), 255, np.uint8)
            alpha[: len(chunk) - 12] = chunk[8:-4][: len(colours)]
        elif name not in (b"PLTE", b"tRNS"):
            parts.append(chunk.tobytes())
    return Plain(np.frombuffer(b"".join(parts), np.uint8), 255 // (2**bits - 1), colours, alpha)


def _chunks(content: NDArray[np.uint8]) -> Iterator[tuple[bytes, NDArray[np.uint8]]]:
    """Yield name and bytes of each chunk behind a PNG's header."""
    at = 33
    while at + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content.data, at)
        yield name, content[at : at + 12 + length]
        at += 12 + length


def _bmp(content: NDArray[np.uint8]) -> Plain:
    """Make each colour of the palette as grey as its index."""
    if len(content) < 54:
        return Plain(content)
    (start,) = struct.unpack_from("<I", content.data, 10)
    (header,) = struct.unpack_from("<I", content.data, 14)
    (bits,) = struct.unpack_from("<H", content.data, 28)
    count = (start - 14 - header) // 4
    if header < 40 or bits > 8 or not 0 < count <= 256 or start > len(content):
        return Plain(content)
    copy, entries = content.copy(), slice(14 + header, 14 + header + 4 * count)
    copy[entries] = np.repeat(np.arange(count), 4)
    return Plain(copy, colours=content[entries].reshape(-1, 4)[:, 2::-1])
