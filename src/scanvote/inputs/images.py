"""Untrusted image files: check the header, then decode."""

from collections.abc import Iterator

from scanvote.images.decode import WINDOW, DecodeError, UnsupportedImage, decode_bytes
from scanvote.inputs.formats import ImageKind
from scanvote.inputs.header import BadHeader, Header, TooManyPixels
from scanvote.inputs.pillow_header import read_pillow
from scanvote.inputs.sanitise import strip_control
from scanvote.inputs.scan import InputScan, Limits, RejectedFile
from scanvote.inputs.tiff_header import read_tiff

PASSES = 200
"""Largest number of JPEG passes; each takes as long as an image."""
DEEP_FACTOR = 8
"""Memory factor of pixels of over 16 bits, until they are windowed."""
_START_OF_PASS = b"\xff\xda"


def read_image(content: bytes, name: str, kind: ImageKind, limits: Limits) -> InputScan:
    """Decode the first or only image in `content`, as training does.

    Raises:
        RejectedFile: the image is too large (413), of a form that is not decoded (415), cut off
            or damaged (422).
    """
    header = _checked_header(content, name, kind, limits)
    try:
        image = decode_bytes(content, name)
    except UnsupportedImage as error:
        raise RejectedFile(strip_control(str(error)), 415) from None
    except DecodeError:
        raise RejectedFile(f"{name} is a {kind} that is cut off or damaged", 422) from None
    height, width = image.shape[:2]
    if {width, height} != {header.width, header.height}:
        declared = f"{header.width}x{header.height}"
        raise RejectedFile(f"{name} declares {declared} pixels and holds {width}x{height}", 422)
    return InputScan(name, image, notes=tuple(_notes(header)))


def _checked_header(content: bytes, name: str, kind: ImageKind, limits: Limits) -> Header:
    """Read the header, and check the memory and time of decoding."""
    try:
        header = _read_header(content, kind)
    except TooManyPixels:
        raise _too_large(name, limits.pixels) from None
    except BadHeader:
        raise RejectedFile(f"{name} is a {kind} whose header is cut off or damaged", 422) from None
    max_pixels = limits.pixels // (DEEP_FACTOR if header.bits > 16 else 1)
    if header.largest > max_pixels:
        raise _too_large(f"{name} ({header.width}x{header.height})", max_pixels)
    if kind == "JPEG" and content.count(_START_OF_PASS) > PASSES:
        raise RejectedFile(f"{name} is a JPEG of more than {PASSES} passes; save it plainly", 422)
    return header


def _too_large(name: str, max_pixels: int) -> RejectedFile:
    return RejectedFile(
        f"{name} is larger than {max_pixels / 1e6:g} million pixels; make it smaller", 413
    )


def _read_header(content: bytes, kind: ImageKind) -> Header:
    if kind == "TIFF":  # of a repeated tag, Pillow and OpenCV read different values
        return read_tiff(content)
    return read_pillow(content, kind)


def _notes(header: Header) -> Iterator[str]:
    """Yield notes on conversions, one phrase each."""
    if header.several:
        yield "several images or frames, the first is looked at"
    if header.pages > 1:
        yield f"page 1 of {header.pages} is looked at"
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
