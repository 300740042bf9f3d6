"""Read masks of image files: palettes, transparency and colours as meant."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanvote.datasets.user_data.mask_values import Values
from scanvote.images.stored import StoredImage, decode_stored


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
        plain: whether its file holds grey values alone, without loss, palette or transparency.
    """

    values: Values
    alpha: Values | None = None
    constant: bool = False
    lossy: bool = False
    colours: Values | None = None
    plain: bool = False

    def codes(self) -> Values:
        """Return the colours as numbers, 0xRRGGBB."""
        if self.colours is None:
            return self.values.astype(np.uint32) * np.uint32(0x010101)
        red, green, blue = np.moveaxis(self.colours.astype(np.uint32), 2, 0)
        return np.asarray(red << np.uint32(16) | green << np.uint32(8) | blue)


def stored_masks(path: Path) -> Iterator[StoredMask]:
    """Decode each mask of a file; only a TIFF has several.

    Raises:
        DecodeError: the file cannot be read, or an image in it is no whole one.
    """
    for image in decode_stored(path):
        yield _as_mask(image)


def _as_mask(image: StoredImage) -> StoredMask:
    stored, alpha = _without_palette(image)
    if alpha is None:
        colours = _colours(stored)
        plain = image.palette is None and not image.lossy and colours is None
        return StoredMask(_brightest(stored), lossy=image.lossy, colours=colours, plain=plain)
    constant = bool((stored == stored[:1, :1]).all())
    shown = np.where(_over_colours(alpha >= _largest(alpha) / 2, stored), stored, 0)
    return StoredMask(_brightest(shown), alpha, constant, image.lossy, _colours(shown))


def _over_colours(inside: Values, stored: Values) -> Values:
    return inside if stored.ndim == 2 else inside[:, :, np.newaxis]


def _without_palette(image: StoredImage) -> tuple[Values, Values | None]:
    """Return the numbers of a mask without palette, and the transparency.

    Of a grey palette that is the grey value; of one with colours the index, a label, which no
    transparency hides. Where black is used, but not the first colour, the file was made from
    colours, in an order of its own, and these are returned.
    """
    if image.values.dtype == bool:
        return image.values * np.uint8(255), image.alpha  # white, as in masks of more bits
    if image.palette is None:
        return image.values, image.alpha
    colours = image.palette[np.minimum(image.values, len(image.palette) - 1)]
    if (np.ptp(image.palette.astype(np.int16), axis=1) == 0).all():
        return colours[:, :, 0], image.alpha
    if image.palette[0].any() and not colours.any(axis=2).all():
        return colours, None
    return image.values, None


def _colours(stored: Values) -> Values | None:
    """Return the channels of an image of 8 bits that has colours."""
    if stored.dtype != np.uint8 or stored.ndim == 2:
        return None
    red, green, blue = (stored[:, :, channel] for channel in range(3))
    return None if (red == green).all() and (green == blue).all() else stored


def _brightest(stored: Values) -> Values:
    if stored.ndim == 2:
        return stored
    red, green, blue = (stored[:, :, channel] for channel in range(3))
    brightest: Values = np.maximum(np.maximum(red, green), blue)  # a short axis is reduced slowly
    return brightest


def _largest(alpha: Values) -> float:
    return float(np.iinfo(alpha.dtype).max) if alpha.dtype.kind in "iu" else 1.0
