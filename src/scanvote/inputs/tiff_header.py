"""Read the first image's tags of TIFF (revision 6.0, 1992) or BigTIFF."""

import struct

from scanvote.inputs.header import EXIF_ROTATIONS, ORIENTATION, BadHeader, Header

WIDTH, HEIGHT, BITS, COLOURS, ALPHA = 256, 257, 258, 262, 338
TILE_WIDTH, TILE_HEIGHT = 322, 323
MODES = {3: "P", 5: "CMYK", 6: "YCbCr", 8: "LAB"}
"""Colour encodings, by Pillow's names."""
_STRUCT_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""Struct codes of integers, by the type of a tag."""


def read_tiff(content: bytes) -> Header:
    """Read the header of the first image.

    Raises:
        BadHeader: the header is cut off, or repeats a tag, which readers resolve differently.
    """
    try:
        tags, several = _tags(content)
        width, height = tags[WIDTH], tags[HEIGHT]
    except (struct.error, OverflowError, KeyError):
        raise BadHeader from None
    if not width or not height:
        raise BadHeader
    return Header(
        width,
        height,
        largest=max(width * height, tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0)),
        bits=tags.get(BITS, 1),
        mode=MODES.get(tags.get(COLOURS, 1), ""),
        alpha=ALPHA in tags,
        several=several,
        exif_rotated=tags.get(ORIENTATION) in EXIF_ROTATIONS,
    )


def _tags(content: bytes) -> tuple[dict[int, int], bool]:
    """Return the first number of each integer tag, and whether images follow."""
    order = "<" if content.startswith(b"II") else ">"
    big = 43 in content[2:4]
    word, count = ("Q", "Q") if big else ("I", "H")
    (at,) = struct.unpack_from(order + word, content, 8 if big else 4)
    (length,) = struct.unpack_from(order + count, content, at)
    at += struct.calcsize(order + count)
    tags: dict[int, int] = {}
    for _ in range(length):
        tag, kind, size = struct.unpack_from(f"{order}2H{word}", content, at)
        at += struct.calcsize(f"{order}2H{word}")
        if tag in tags:
            raise BadHeader
        tags[tag] = _first_number(content, at, order, word, kind, size)
        at += struct.calcsize(order + word)
    (following,) = struct.unpack_from(order + word, content, at)
    return tags, following != 0


def _first_number(content: bytes, at: int, order: str, word: str, kind: int, size: int) -> int:
    """Return the first number of a tag, 0 if not an integer.

    The `size` numbers of the tag are at `at`, or at the offset stored there if they do not fit.
    """
    if kind not in _STRUCT_CODES:
        return 0
    form = order + _STRUCT_CODES[kind]
    if size * struct.calcsize(form) > struct.calcsize(order + word):
        (at,) = struct.unpack_from(order + word, content, at)
    (number,) = struct.unpack_from(form, content, at)
    return int(number)
