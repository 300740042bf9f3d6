"""Read the stored values of mask images: palettes, transparency and colours as what they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.tiff_pages import select_page, tiff_pages
from scanvote.images.decode import JPEG, _decode_colours

if TYPE_CHECKING:
    from PIL import Image

Values = NDArray[Any]
PNG = b"\x89PNG\r\n\x1a\n"
PNG_COLOURS = 25
"""Offset of the byte in a PNG's header that tells what its pixels are."""
GREY_OR_RGB = (b"\0", b"\2")


@dataclass(frozen=True)
class StoredMask:
    """The values of a mask as its file holds them.

    Attributes:
        values: real numbers (H, W) or (X, Y, Z); of colours the brightest channel, of a palette
            of colours the index, 0 where a pixel is transparent.
        alpha: the same shape; None without transparency.
        constant: whether all pixels have one colour, transparent ones too.
        lossy: whether the format changes values.
        colours: uint8 (H, W, 3) RGB, 0 where a pixel is transparent; None where all are grey.
    """

    values: Values
    alpha: Values | None = None
    constant: bool = False
    lossy: bool = False
    colours: Values | None = None

    def codes(self) -> Values:
        """Return the colours as numbers, 0xRRGGBB."""
        if self.colours is None:
            return self.values.astype(np.uint32) * np.uint32(0x010101)
        red, green, blue = np.moveaxis(self.colours.astype(np.uint32), 2, 0)
        return np.asarray(red << np.uint32(16) | green << np.uint32(8) | blue)


def decode_stored_mask(content: bytes | bytearray, name: str) -> StoredMask:
    """Decode the first mask in the content of a file; errors say `name`.

    Raises:
        DecodeError: the content is no whole image.
    """
    lossy = _is_lossy(content)
    stored = _read_stored(content, name)
    if stored.ndim == 2 or stored.shape[2] in (1, 3):
        values = stored if stored.ndim == 2 else _brightest(stored)
        return StoredMask(values, lossy=lossy, colours=_colours(stored))
    alpha = stored[:, :, -1]
    constant = bool((stored[:, :, :-1] == stored[:1, :1, :-1]).all())
    shown = stored[:, :, :-1] * (alpha >= _largest(alpha) / 2)[:, :, None]
    return StoredMask(_brightest(shown), alpha, constant, lossy, _colours(shown))


def _is_lossy(content: bytes | bytearray) -> bool:
    """Return whether the format changes values, as JPEG and a kind of WebP do."""
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return content.startswith(JPEG) or (is_webp and b"VP8L" not in content)


def stored_masks(content: bytearray, name: str) -> Iterator[StoredMask]:
    """Decode the mask of each page in the content of a file; only a TIFF has several.

    Raises:
        DecodeError: a page is no whole image.
    """
    pages = tiff_pages(content)
    if len(pages) < 2:
        yield decode_stored_mask(content, name)
        return
    for page in pages:
        select_page(content, page)
        yield decode_stored_mask(content, name)


def read_content(path: Path) -> bytearray:
    """Read a file of the user's.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return bytearray(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _colours(stored: Values) -> Values | None:
    """Return the channels of an image of 8 bits that has colours."""
    if stored.dtype != np.uint8 or stored.ndim == 2 or stored.shape[2] != 3:
        return None
    red, green, blue = (stored[:, :, channel] for channel in range(3))
    return None if (red == green).all() and (green == blue).all() else stored


def _brightest(colours: Values) -> Values:
    # NumPy reduces an axis of three slowly
    values: Values = colours[:, :, 0]
    for channel in range(1, colours.shape[2]):
        values = np.maximum(values, colours[:, :, channel])
    return values


def _largest(alpha: Values) -> float:
    return float(np.iinfo(alpha.dtype).max) if alpha.dtype.kind in "iu" else 1.0


# the shared decoder of stored values, `images.decode.decode_stored`, can replace this
def _read_stored(content: bytes | bytearray, name: str) -> Values:
    """Return stored values (H, W), or (H, W, C) with alpha as the last of 2 or 4 channels."""
    data = np.frombuffer(content, np.uint8)
    if _is_plain(content):
        return _decode_colours(data, name)
    from PIL import Image

    try:
        with Image.open(BytesIO(content)) as image:
            if image.mode == "P" and not _is_grey(image.getpalette() or []):
                return _labels_of_palette(image)
            if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
                return np.array(image.convert("RGBA"))
    except Exception:  # Pillow does not know the format; OpenCV may, or says what is wrong
        pass
    return _decode_colours(data, name)


def _labels_of_palette(image: "Image.Image") -> Values:
    """Return the indices, or the colours where black is another than the first."""
    labels = np.array(image)
    colours = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    if colours[0].any() and not colours[np.unique(labels)].any(axis=1).all():
        return np.asarray(colours[labels])  # made from colours, in an order of its own
    return labels


def _is_plain(content: bytes | bytearray) -> bool:
    """Return whether the header alone excludes a palette and transparency."""
    if content[: len(JPEG)] == JPEG:
        return True
    if content[: len(PNG)] == PNG:
        return content[PNG_COLOURS : PNG_COLOURS + 1] in GREY_OR_RGB and b"tRNS" not in content
    pages = tiff_pages(content)
    return bool(pages) and pages[0].grey


def _is_grey(palette: list[int]) -> bool:
    colours = np.array(palette, np.int16).reshape(-1, 3)
    return bool((np.ptp(colours, axis=1) == 0).all())
