"""Decode the numbers that image files store, such as labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.images.codec import opencv, tiff, tiff_pixels
from scanvote.images.codec.content import read_bytes
from scanvote.images.codec.declared import failure
from scanvote.images.codec.errors import DecodeError
from scanvote.images.codec.orientation import oriented
from scanvote.images.codec.palette import without_palette

JPEG, RIFF = b"\xff\xd8\xff", b"RIFF"
"""First bytes of JPEG and WebP."""
LOSSLESS = b"VP8L"
"""Name of the chunk of a lossless WebP."""


@dataclass(frozen=True)
class StoredImage:
    """The numbers of an image as stored, turned by its orientation.

    Where white is the least number, as in some TIFFs, the numbers are inverted: black is 0.

    Attributes:
        values: real numbers (H, W), bool of one bit, of a palette the indices; or (H, W, 3) RGB.
        alpha: transparency (H, W); None without.
        palette: colours of the indices, uint8 (N, 3) RGB; None without.
        lossy: whether the format changes values.
    """

    values: NDArray[Any]
    alpha: NDArray[Any] | None = None
    palette: NDArray[np.uint8] | None = None
    lossy: bool = False


def decode_stored(path: Path) -> Iterator[StoredImage]:
    """Yield the numbers of each image; only a TIFF has several.

    Raises:
        DecodeError: the file is missing or truncated, or no image of a form that is decoded.
    """
    content = read_bytes(path).copy()  # writable: no further copy for each page
    if not tiff.is_tiff(content):
        yield _decode(content, path)
        return
    try:
        for held, page in tiff_pixels.pictures(content):
            yield _of_page(held, path, page)
    except tiff.BadTiff:
        raise DecodeError(f"{path} is no whole image") from None


def _of_page(content: NDArray[np.uint8], path: Path, page: tiff.Page) -> StoredImage:
    form = tiff_pixels.form_of(content, page)
    tiff_pixels.check_colours(form, path)
    values = tiff_pixels.decode_stored(content, path, page)
    palette = None
    if form.photometric == tiff_pixels.PALETTE:
        palette = tiff_pixels.palette(content, page)
    elif form.bits == 1:
        values = values.astype(bool)
    colours, alpha = _parted(values)
    # extra numbers of an unspecified meaning are no transparency
    return StoredImage(colours, alpha if any(form.extra) else None, palette)


def _decode(content: NDArray[np.uint8], path: Path) -> StoredImage:
    plain = without_palette(content)
    image, exif = opencv.imdecode_stored(plain.content)
    if image is None:
        raise failure(content, path)
    image = image.reshape(*image.shape[:2], -1)[:, :, :4]
    order = [0] if image.shape[2] == 1 else [2, 1, 0, 3][: image.shape[2]]
    values, alpha = _parted(oriented(image[:, :, order] // plain.divisor, _orientation(exif)))
    if plain.divisor == 255 and plain.colours is None:
        values = values.astype(bool)
    if plain.alpha is not None:
        alpha = np.take(plain.alpha, values, mode="clip")
    return StoredImage(values, alpha, plain.colours, _is_lossy(content.tobytes()))


def _is_lossy(content: bytes) -> bool:
    return content.startswith(JPEG) or (content.startswith(RIFF) and LOSSLESS not in content)


def _parted(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Part (H, W, C) into grey or colours, and transparency."""
    alpha = values[:, :, -1] if values.shape[2] in (2, 4) else None
    return values[:, :, 0] if values.shape[2] < 3 else values[:, :, :3], alpha


def _orientation(exif: NDArray[np.uint8]) -> int:
    try:
        return tiff.read_page(exif).number(tiff.ORIENTATION, 1) if tiff.is_tiff(exif) else 1
    except tiff.BadTiff:  # damaged metadata says nothing against the pixels
        return 1
