"""The header of a PNG, JPEG or BMP, as Pillow reads it before it decodes."""

import io
import struct
from typing import TYPE_CHECKING, Literal

from scanvote.inputs.header import BadHeader, Header, TooManyPixels, turned

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PARTS = 2**16
"""Chunks of a PNG, or segments of a JPEG: readers take time for each, be it empty."""
START_OF_PIXELS = 0xDA
ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
"""Marks of a JPEG without a length (ITU-T T.81, table B.1)."""
BITS_OF_PNG = 24
"""The byte that tells the bits of a channel: Pillow shows 16 of a colour image as 8."""


def read_pillow(content: bytes, kind: Literal["PNG", "JPEG", "BMP"]) -> Header:
    """The header of an image of the format `kind`; no pixel is decoded.

    Raises:
        Malformed: it is cut off or makes no sense.
        Immense: it declares more than 178 million pixels.
    """
    from PIL import Image

    if kind == "PNG":
        _check_chunks(content)
    if kind == "JPEG":
        _check_segments(content)
    try:
        with Image.open(io.BytesIO(content), formats=(kind,)) as image:
            return _told(image, content)
    except Image.DecompressionBombError:
        raise TooManyPixels from None
    except Exception:  # of hostile files Pillow raises nearly anything
        raise BadHeader from None


def _check_chunks(content: bytes) -> None:
    """Refuse a PNG of which a chunk would be longer than the file: OpenCV makes room for it."""
    at, name = 8, b""
    for _ in range(MOST_PARTS):
        if at + 12 > len(content):
            raise BadHeader
        length, name = struct.unpack_from(">I4s", content, at)
        at += 12 + length
        if name == b"IEND":
            break
    if name != b"IEND" or at > len(content):
        raise BadHeader


def _check_segments(content: bytes) -> None:
    """Refuse a JPEG that does not come to its pixels within `MOST_PARTS`."""
    at = 2
    for _ in range(MOST_PARTS):
        mark = content[at : at + 2]
        if len(mark) < 2 or mark[0] != 0xFF:
            raise BadHeader
        if mark[1] == START_OF_PIXELS:
            return
        if mark[1] == 0xFF:  # padding
            at += 1
        elif mark[1] in ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4])
    raise BadHeader


def _told(image: "Image", content: bytes) -> Header:
    return Header(
        width=image.width,
        height=image.height,
        largest=image.width * image.height,
        bits=content[BITS_OF_PNG] if image.format == "PNG" else 8,
        mode=image.mode,
        alpha="A" in image.mode or "transparency" in image.info,
        several=bool(getattr(image, "is_animated", False)),
        exif_rotated=turned(image.info.get("exif", b"")),
    )
