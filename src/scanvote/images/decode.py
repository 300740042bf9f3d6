"""The only image decoder: hashing, training and serving see equal pixels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.codec import opencv, tiff, tiff_pixels
from scanvote.images.codec.declared import failure
from scanvote.images.codec.errors import DecodeError as DecodeError
from scanvote.images.codec.errors import ImageTooLarge as ImageTooLarge
from scanvote.images.codec.errors import UnsupportedImage as UnsupportedImage
from scanvote.images.codec.orientation import oriented
from scanvote.images.codec.palette import indices_as_grey

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
    return window(_decode_colours(_read_bytes(path), path))


def decode_bytes(content: bytes, name: str) -> Rgb:
    """Decode the content of a file like `decode_image`; errors say `name`."""
    return window(_decode_colours(np.frombuffer(content, np.uint8), name))


def page_count(path: Path) -> int:
    """Return the number of images in a TIFF; 1 for any other file.

    Smaller copies and masks of a page, as in a pyramid, are not counted.

    Raises:
        DecodeError: the file is missing, or its first page is cut off.
    """
    return _count(_read_bytes(path), path)


def decode_page(path: Path, page: int) -> Rgb:
    """Decode the image with the index `page`, from 0, like `decode_image`.

    Raises:
        DecodeError: as in `decode_image`, or there is no such page.
    """
    return _decode_page(_read_bytes(path), path, page)


def decode_pages(path: Path) -> Iterator[Rgb]:
    """Yield what `decode_page` returns for each image of a file; the file is read once.

    Raises:
        DecodeError: as in `decode_page`.
    """
    content = _read_bytes(path).copy()  # writable: no further copy for each page
    for page in range(_count(content, path)):
        yield _decode_page(content, path, page)


def _decode_page(content: NDArray[np.uint8], path: Path, page: int) -> Rgb:
    if not tiff.is_tiff(content):
        if page:
            raise DecodeError(f"{path} holds one image, none with the index {page}")
        return window(_decode_colours(content, path))
    try:
        return window(tiff_pixels.decode_rgb(*tiff_pixels.select(content, path, page)))
    except tiff.BadTiff:
        raise DecodeError(f"{path} is no whole image") from None


def _count(content: NDArray[np.uint8], path: Path) -> int:
    if not tiff.is_tiff(content):
        return 1
    try:
        return tiff.count_images(content)
    except tiff.BadTiff:
        raise DecodeError(f"{path} is no whole image") from None


def decode_stored(path: Path, page: int = 0) -> NDArray[Any]:
    """Decode the numbers that an image stores, such as the labels of a mask.

    The orientation in the file is applied. Where white is the least number, as in some TIFFs,
    the numbers are inverted: black is 0.

    Args:
        path: image file.
        page: index of the image in a TIFF, from 0.

    Returns:
        Integers or floating-point numbers (H, W), of a palette the indices; or (H, W, C) with
        RGB, RGB and transparency, or, in a TIFF alone, channels that are no colours.

    Raises:
        DecodeError: as in `decode_page`.
    """
    content = _read_bytes(path)
    if tiff.is_tiff(content):
        try:
            values = tiff_pixels.decode_stored(*tiff_pixels.select(content, path, page))
        except tiff.BadTiff:
            raise DecodeError(f"{path} is no whole image") from None
    else:
        if page:
            raise DecodeError(f"{path} holds one image, none with the index {page}")
        values = _decode_channels(content, path)
    if values.shape[2] == 2:
        return values[:, :, [0, 0, 0, 1]]
    return values[:, :, 0] if values.shape[2] == 1 else values


def decode_grey(path: Path) -> Grey:
    """Decode the image in `path` to grey values, uint8 (H, W).

    Errors and other conversions are those of `decode_image`. Of a JPEG only the luminance is
    decoded: the same for a grey image, different by rounding for a coloured one, and by more
    where a colour is clipped to 0…255.
    """
    content = _read_bytes(path)
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
    red, green, blue = np.moveaxis(_decode_colours(_read_bytes(path), path), 2, 0)
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


def _read_bytes(path: Path) -> NDArray[np.uint8]:
    # OpenCV's own file access fails on names that are not ASCII on some systems
    try:
        with open(path, "rb") as file:
            return np.frombuffer(file.read(), np.uint8)
    except FileNotFoundError:
        raise DecodeError(f"{path} does not exist") from None
    except OSError as error:
        raise DecodeError(f"{path} cannot be read: {error.strerror}") from None


def _decode_colours(content: NDArray[np.uint8], path: Path | str) -> NDArray[Any]:
    if not content.size:
        raise DecodeError(f"{path} is empty")
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


def _decode_channels(content: NDArray[np.uint8], path: Path) -> NDArray[Any]:
    """Decode the channels of an image that is no TIFF as they are stored."""
    plain, divisor = indices_as_grey(content)
    image, _ = opencv.imdecode_stored(plain)
    if image is None:
        raise failure(content, path)
    _, exif = opencv.imdecode_stored(content)
    image = image.reshape(*image.shape[:2], -1)[:, :, :4]
    order = [0] if image.shape[2] == 1 else [2, 1, 0, 3][: image.shape[2]]
    return oriented(image[:, :, order] // divisor, _orientation(exif))


def _orientation(exif: NDArray[np.uint8]) -> int:
    try:
        return tiff.read_page(exif).number(tiff.ORIENTATION, 1) if tiff.is_tiff(exif) else 1
    except tiff.BadTiff:  # damaged metadata says nothing against the pixels
        return 1


def _decode_luminance(content: NDArray[np.uint8]) -> Grey | None:
    """Decode the luminance of a JPEG; None if it is damaged."""
    try:
        image = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)
