"""Read a WebP header (RFC 9649): a canvas, VP8 or VP8L."""

import struct

from scanvote.inputs.header import BadHeader, Header, turned

ALPHA, EXIF, ANIMATION = 0x10, 0x08, 0x02
"""Flags of the canvas."""
_SIDE = 0x3FFF


def read_webp(content: bytes) -> Header:
    """Read the header of the first image.

    Raises:
        BadHeader: the header is cut off or of no known form.
    """
    try:
        width, height, flags = canvas(content[12:16], content[20:50])
    except (IndexError, struct.error):
        raise BadHeader from None
    if not width or not height:
        raise BadHeader
    return Header(
        width,
        height,
        width * height,
        mode="RGB",
        alpha=bool(flags & ALPHA),
        several=bool(flags & ANIMATION),
        exif_rotated=bool(flags & EXIF) and turned(_chunk(content, b"EXIF")),
    )


def canvas(form: bytes, body: bytes) -> tuple[int, int, int]:
    """Return width, height and flags from the first chunk's name and body.

    Raises:
        BadHeader, IndexError, struct.error: it is cut off or of no known form.
    """
    if form == b"VP8X":
        width, height = int.from_bytes(body[4:7], "little"), int.from_bytes(body[7:10], "little")
        return width + 1, height + 1, body[0]
    if form == b"VP8L":
        (packed,) = struct.unpack_from("<xI", body)
        return (packed & _SIDE) + 1, (packed >> 14 & _SIDE) + 1, packed >> 24 & ALPHA
    if form == b"VP8 ":
        width, height = struct.unpack_from("<6x2H", body)
        return width & _SIDE, height & _SIDE, 0
    raise BadHeader


def _chunk(content: bytes, name: bytes) -> bytes:
    """Return the first chunk called `name`, or empty bytes."""
    at = 12
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        if content[at : at + 4] == name:
            return content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return b""
