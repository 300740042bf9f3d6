"""The only image decoder: hashing, training and serving see equal pixels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.codec import opencv, tiff, tiff_pixels
from scanvote.images.codec.content import read_bytes
from scanvote.images.codec.declared import failure
from scanvote.images.codec.errors import DecodeError as DecodeError
from scanvote.images.codec.errors import ImageTooLarge as ImageTooLarge
from scanvote.images.codec.errors import UnsupportedImage as UnsupportedImage

Grey = NDArray[np.uint8]
"""(H, W) uint8."""
Rgb = NDArray[np.uint8]
"""(H, W, 3) uint8."""
Mask = NDArray[np.bool_]
"""(H, W) bool."""

JPEG = b"\xff\xd8\xff"
"""First bytes of a JPEG file."""
WINDOW = (0.5, 99.5)
"""Percentiles that become 0 and 255 in images of over 8 bits."""


def decode_image(path: Path) -> Rgb:
    """Decode the image in `path` to RGB of 8 bits.

    Grey and palette images become RGB, transparency is dropped, the orientation in the
    file is applied, more than 8 bits are windowed to 8. Of several images the first is decoded.

    Returns:
        uint8 of shape (H, W, 3), RGB.

    Raises:
        DecodeError: the file is missing, truncated, or no image.
        ImageTooLarge: the subclass for more pixels than can be decoded.
        UnsupportedImage: the subclass for a valid image of a form that is not decoded.
    """
    return window(_decode_colours(read_bytes(path), path))


def decode_bytes(content: bytes, name: str) -> Rgb:
    """Decode the content of a file like `decode_image`; errors say `name`."""
    return window(_decode_colours(np.frombuffer(content, np.uint8), name))


def page_sizes(path: Path) -> list[tuple[int, int]]:
    """Return width and height of each image in a sound TIFF.

    It is empty for another or a damaged file. Smaller copies and masks of a page, as in a
    pyramid, are no images.

    Raises:
        DecodeError: the file is missing, or cannot be read.
    """
    content = read_bytes(path)
    if not tiff.is_tiff(content):
        return []
    try:
        return tiff.image_sizes(content)
    except tiff.BadTiff:  # the decoder says so
        return []


def decode_pages(path: Path) -> Iterator[NDArray[Any]]:
    """Yield each image of a TIFF, or the one of another file.

    The file is read once.

    Returns:
        (H, W, 3) RGB of the depth of the file.

    Raises:
        DecodeError: as in `decode_image`.
    """
    content = read_bytes(path).copy()  # writable: no further copy for each page
    if not tiff.is_tiff(content):
        yield _decode_colours(content, path)
        return
    try:
        for held, page in tiff_pixels.pictures(content):
            yield tiff_pixels.decode_rgb(held, path, page)
    except tiff.BadTiff:
        raise DecodeError(f"{path} is no whole image") from None


def decode_grey(path: Path) -> Grey:
    """Decode the image in `path` to grey values, uint8 (H, W).

    Errors and other conversions are those of `decode_image`. Of a JPEG only the luminance is
    decoded: the same for a grey image, different by rounding for a coloured one, and by more
    where a colour is clipped to 0…255.
    """
    content = read_bytes(path)
    if content[: len(JPEG)].tobytes() == JPEG:
        luminance = _decode_luminance(content)
        if luminance is not None:
            return luminance
    return grey(window(_decode_colours(content, path)))


def decode_mask(path: Path) -> Mask:
    """Decode the binary mask in `path`, bool (H, W).

    A pixel belongs to the mask from half of the largest value on: masks are stored as
    0/1 as well as 0/255, and a mask saved as JPEG has compression noise around zero. Masks of
    the user's data are of 0 and 255 since ingest, which has a rule for all values of a set.

    Raises:
        DecodeError: the file is missing, truncated, or no image.
    """
    red, green, blue = np.moveaxis(_decode_colours(read_bytes(path), path), 2, 0)
    values = np.maximum(np.maximum(red, green), blue)  # NumPy reduces a short axis slowly
    peak = float(values.max())
    mask: Mask = (values >= peak / 2) & (peak > 0)
    return mask


def grey(image: Rgb) -> Grey:
    """Return the luminance of an RGB image; grey images keep their values."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def window(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Window an image to uint8 between the percentiles `WINDOW`.

    A uint8 image is returned as it is.
    """
    if image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    if image.dtype != np.uint16:
        values = np.nan_to_num(image.astype(np.float64), posinf=0, neginf=0)
        return _rescale(values, *_window_bounds(values))
    # a lookup table over all values gives the same, in a tenth of the time and memory
    table = _rescale(np.arange(2**16, dtype=np.float64), *_window_bounds(image))
    narrow = np.empty(image.shape, np.uint8)
    for row, into in zip(image, narrow, strict=True):
        np.take(table, row, out=into)
    return narrow


def _window_bounds(values: NDArray[Any]) -> tuple[float, float]:
    """Return the values that become 0 and 255."""
    low, high = np.percentile(values, WINDOW)
    if high <= low:  # nearly all pixels are equal: keep the few others
        low, high = values.min(), values.max()
    return float(low), float(high)


def _rescale(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    rescaled = (values - low) / (high - low or 1.0) * 255
    return np.asarray(np.clip(np.rint(rescaled), 0, 255), np.uint8)


def _decode_colours(content: NDArray[np.uint8], path: Path | str) -> NDArray[Any]:
    if tiff.is_tiff(content):
        try:
            return tiff_pixels.decode_rgb(content, path, tiff.read_page(content))
        except tiff.BadTiff:
            raise DecodeError(f"{path} is no whole image") from None
    image = opencv.imdecode(content, opencv.RGB)
    if image is None:  # OpenCV expands no grey floating-point image
        image = opencv.imdecode(content, opencv.STORED)
    if image is None:
        raise failure(content, path)
    return image if image.ndim == 3 else np.repeat(image[:, :, np.newaxis], 3, axis=2)


def _decode_luminance(content: NDArray[np.uint8]) -> Grey | None:
    """Decode the luminance of a JPEG; None if it is damaged."""
    try:
        image = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)
