"""Read the header of a PNG, JPEG, BMP or WebP with Pillow."""

import io
import struct
from typing import TYPE_CHECKING, Literal

from scanvote.inputs.header import BadHeader, Header, TooManyPixels, turned

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PARTS = 2**16
"""PNG chunks or JPEG segments; even empty ones cost time."""
START_OF_SCAN = 0xDA
WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
"""JPEG markers without a length (ITU-T T.81, table B.1)."""
PNG_DEPTH_OFFSET = 24
"""Offset of the bits per channel: Pillow reports 16-bit colour as 8."""


def read_pillow(content: bytes, kind: Literal["PNG", "JPEG", "BMP", "WEBP"]) -> Header:
    """Read the header of a `kind` image, without decoding its pixels.

    Raises:
        BadHeader: the header is cut off or invalid.
        TooManyPixels: it declares more than 178 million pixels.
    """
    from PIL import Image

    if kind == "PNG":
        _check_chunks(content)
    if kind == "JPEG":
        _check_segments(content)
    try:
        with Image.open(io.BytesIO(content), formats=(kind,)) as image:
            return _header(image, content)
    except Image.DecompressionBombError:
        raise TooManyPixels from None
    except Exception:  # Pillow raises nearly any exception for hostile files
        raise BadHeader from None


def _check_chunks(content: bytes) -> None:
    """Reject PNG chunks longer than the file: OpenCV would allocate them."""
    at, name = 8, b""
    for _ in range(MAX_PARTS):
        if at + 12 > len(content):
            raise BadHeader
        length, name = struct.unpack_from(">I4s", content, at)
        at += 12 + length
        if name == b"IEND":
            break
    if name != b"IEND" or at > len(content):
        raise BadHeader


def _check_segments(content: bytes) -> None:
    """Reject a JPEG without pixels after `MAX_PARTS` segments."""
    at = 2
    for _ in range(MAX_PARTS):
        marker = content[at : at + 2]
        if len(marker) < 2 or marker[0] != 0xFF:
            raise BadHeader
        if marker[1] == START_OF_SCAN:
            return
        if marker[1] == 0xFF:  # padding
            at += 1
        elif marker[1] in WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4])
    raise BadHeader


def _header(image: "Image", content: bytes) -> Header:
    return Header(
        width=image.width,
        height=image.height,
        largest=image.width * image.height,
        bits=content[PNG_DEPTH_OFFSET] if image.format == "PNG" else 8,
        mode=image.mode,
        alpha="A" in image.mode or "transparency" in image.info,
        several=bool(getattr(image, "is_animated", False)),
        exif_rotated=turned(image.info.get("exif", b"")),
    )
