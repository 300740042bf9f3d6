"""Images of files that nobody vouches for: checked by their header, then decoded."""

from collections.abc import Iterator
from typing import Literal

from scanvote.images.decode import WINDOW, DecodeError, decode_bytes
from scanvote.inputs.header import BadHeader, Header, TooManyPixels
from scanvote.inputs.pillow_header import read_pillow
from scanvote.inputs.scan import InputScan, Limits, RejectedFile
from scanvote.inputs.tiff_header import read_tiff
from scanvote.inputs.webp_header import read_webp

ImageKind = Literal["PNG", "JPEG", "TIFF", "BMP", "WEBP"]

PASSES = 200
"""Most passes of a progressive JPEG: each of them costs as much time as a whole image."""
WIDE = 8
"""How many times the memory a pixel of more than 16 bits takes until it is windowed."""
_START_OF_PASS = b"\xff\xda"


def read_image(content: bytes, name: str, kind: ImageKind, limits: Limits) -> InputScan:
    """The first or only image in `content`, decoded as training decodes.

    Raises:
        Refused: it is too large, cut off or damaged.
    """
    header = _checked(content, name, kind, limits)
    try:
        image = decode_bytes(content, name)
    except DecodeError:
        raise RejectedFile(f"{name} is a {kind} that is cut off or damaged", 422) from None
    height, width = image.shape[:2]
    if {width, height} != {header.width, header.height}:
        declared = f"{header.width}x{header.height}"
        raise RejectedFile(f"{name} declares {declared} pixels and holds {width}x{height}", 422)
    return InputScan(name, image, notes=tuple(_notes(header)))


def _checked(content: bytes, name: str, kind: ImageKind, limits: Limits) -> Header:
    """The header, if decoding takes neither more memory nor more time than is allowed."""
    try:
        header = _header(content, kind)
    except TooManyPixels:
        raise _too_large(name, limits.pixels) from None
    except BadHeader:
        raise RejectedFile(f"{name} is a {kind} whose header is cut off or damaged", 422) from None
    most = limits.pixels // (WIDE if header.bits > 16 else 1)
    if header.largest > most:
        raise _too_large(f"{name} ({header.width}x{header.height})", most)
    if kind == "JPEG" and content.count(_START_OF_PASS) > PASSES:
        raise RejectedFile(f"{name} is a JPEG of more than {PASSES} passes; save it plainly", 422)
    return header


def _too_large(name: str, most: int) -> RejectedFile:
    return RejectedFile(
        f"{name} is larger than {most / 1e6:g} million pixels; make it smaller", 413
    )


def _header(content: bytes, kind: ImageKind) -> Header:
    if kind == "TIFF":  # of a tag that is told twice Pillow believes another than OpenCV
        return read_tiff(content)
    if kind == "WEBP":  # Pillow makes room for the pixels at once
        return read_webp(content)
    return read_pillow(content, kind)


def _notes(header: Header) -> Iterator[str]:
    """What was done to see it, a phrase each."""
    if header.several:
        yield "several images or frames, the first is looked at"
    if header.exif_rotated:
        yield "orientation of its EXIF applied"
    if header.bits > 8:
        low, high = WINDOW
        yield f"{header.bits} bits windowed to 8 between its percentiles {low:g} and {high:g}"
    if header.mode in ("CMYK", "LAB", "YCbCr"):
        yield f"{header.mode} made RGB"
    if header.mode.startswith("P"):
        yield "palette made RGB"
    if header.alpha:
        yield "transparency dropped"
