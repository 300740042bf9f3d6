"""The header of a TIFF (revision 6.0, 1992) or BigTIFF: the tags of its first image."""

import struct

from scanvote.inputs.header import EXIF_ROTATIONS, ORIENTATION, BadHeader, Header

WIDTH, HEIGHT, BITS, COLOURS, ALPHA = 256, 257, 258, 262, 338
TILE_WIDTH, TILE_HEIGHT = 322, 323
MODES = {3: "P", 5: "CMYK", 6: "YCbCr", 8: "LAB"}
"""Ways to store colours, as Pillow names them."""
_FORMATS = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""Whole numbers, by the type of a tag."""


def read_tiff(content: bytes) -> Header:
    """The header of the first image.

    Raises:
        Malformed: it is cut off, or tells a tag twice, of which each reader believes another.
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
    """The first number of each tag that is one, and whether another image follows."""
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
        tags[tag] = _first(content, at, order, word, kind, size)
        at += struct.calcsize(order + word)
    (following,) = struct.unpack_from(order + word, content, at)
    return tags, following != 0


def _first(content: bytes, at: int, order: str, word: str, kind: int, size: int) -> int:
    """The first of the `size` numbers that stand at `at`, or elsewhere if there is no room."""
    if kind not in _FORMATS:
        return 0
    form = order + _FORMATS[kind]
    if size * struct.calcsize(form) > struct.calcsize(order + word):
        (at,) = struct.unpack_from(order + word, content, at)
    (number,) = struct.unpack_from(form, content, at)
    return int(number)
