"""Find and decode the pages of a TIFF file."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import _decode_colours

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a TIFF file; the latter two are of BigTIFF."""
SUBFILE_TYPE, WIDTH, HEIGHT = 254, 256, 257
INTERPRETATION, CHANNELS = 262, 277
NO_PAGE = 0b101
"""Bits of `SUBFILE_TYPE`: a smaller copy of another page, a mask of transparency."""
NUMBERS = {3: "H", 4: "I", 16: "Q"}
"""Formats of whole numbers, by the type of a tag."""
MAX_PAGES = 2**16


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        start: offset of its directory in the file.
        width, height: in pixels.
        grey: whether its pixels are one grey value, without a palette or transparency.
    """

    start: int
    width: int
    height: int
    grey: bool = False


def tiff_pages(content: bytes | bytearray) -> list[Page]:
    """Return the pages of a TIFF file; empty for another or a damaged file.

    Smaller copies of a page, as in a pyramid, are no pages.
    """
    if bytes(content[:4]) not in TIFF:
        return []
    try:
        tags = list(_directories(content))
    except struct.error:  # truncated: the decoder says so
        return []
    return [
        Page(start, values[WIDTH], values.get(HEIGHT, 0), _is_grey(values))
        for start, values in tags
        if not values.get(SUBFILE_TYPE, 0) & NO_PAGE and WIDTH in values
    ]


def select_page(content: bytearray, page: Page) -> None:
    """Change the header of `content`, so that `page` is the first."""
    order, big = _layout(content)
    struct.pack_into(f"{order}{'Q' if big else 'I'}", content, 8 if big else 4, page.start)


def decode_pages(content: bytearray, pages: Sequence[Page], name: str) -> NDArray[Any]:
    """Decode pages of one size, (N, H, W, 3) RGB, in the numbers that are stored.

    Raises:
        DecodeError: a page is no whole image.
    """
    images = []
    for page in pages:
        select_page(content, page)
        images.append(_decode_colours(np.frombuffer(content, np.uint8), name))
    return np.stack(images)


def _is_grey(tags: Mapping[int, int]) -> bool:
    return tags.get(INTERPRETATION) in (0, 1) and tags.get(CHANNELS, 1) == 1


def _layout(content: bytes | bytearray) -> tuple[str, bool]:
    """Return the byte order, and whether it is a BigTIFF."""
    return "<" if content[:2] == b"II" else ">", b"+" in content[2:4]


def _directories(content: bytes | bytearray) -> Iterator[tuple[int, dict[int, int]]]:
    """Yield the offset of each directory, and its tags of one whole number."""
    order, big = _layout(content)
    pointer, count, entry, size = ("Q", "Q", "HHQ", 20) if big else ("I", "H", "HHI", 12)
    (start,) = struct.unpack_from(order + pointer, content, 8 if big else 4)
    seen: set[int] = set()
    while start and start not in seen and len(seen) < MAX_PAGES:
        seen.add(start)
        (entries,) = struct.unpack_from(order + count, content, start)
        at = start + struct.calcsize(order + count)
        tags = {}
        for one in range(at, at + entries * size, size):
            tag, kind, _ = struct.unpack_from(order + entry, content, one)
            if kind in NUMBERS:
                value = one + size - struct.calcsize(pointer)
                (tags[tag],) = struct.unpack_from(order + NUMBERS[kind], content, value)
        yield start, tags
        (start,) = struct.unpack_from(order + pointer, content, at + entries * size)
