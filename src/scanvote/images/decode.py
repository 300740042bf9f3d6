"""The one decoder: hashing, training and serving all see the same pixels."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError

Grey = NDArray[np.uint8]
"""(H, W) uint8."""
Rgb = NDArray[np.uint8]
"""(H, W, 3) uint8."""
Mask = NDArray[np.bool_]
"""(H, W) bool."""

JPEG = b"\xff\xd8\xff"
"""What a JPEG file begins with."""
WINDOW = (0.5, 99.5)
"""Percentiles between which an image of more than 8 bits is spread over 0…255."""

# what cannot be decoded is reported by us, once; OpenCV would add lines of its own
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class DecodeError(InputError):
    """A file that holds no whole image."""


def decode_image(path: Path) -> Rgb:
    """The image in `path`, as a person would see it.

    Grey and palette images become RGB, transparency is dropped, the orientation in the
    file is applied, more than 8 bits are windowed to 8.

    Returns:
        uint8 of shape (H, W, 3), RGB.

    Raises:
        DecodeError: the file is missing, truncated, or no image.
    """
    return window(_colours(_bytes(path), path))


def decode_bytes(content: bytes, name: str) -> Rgb:
    """Like `decode_image`, of the content of a file that the message calls `name`."""
    return window(_colours(np.frombuffer(content, np.uint8), name))


def decode_grey(path: Path) -> Grey:
    """Like `decode_image`, as uint8 of shape (H, W).

    Of a JPEG only the luminance is decoded: where it is grey that is the same, where it is
    coloured it differs by rounding, and by more where a colour is clipped to 0…255.
    """
    content = _bytes(path)
    if content[: len(JPEG)].tobytes() == JPEG:
        luminance = _luminance(content)
        if luminance is not None:
            return luminance
    return grey(window(_colours(content, path)))


def decode_mask(path: Path) -> Mask:
    """The binary mask in `path`, as bool of shape (H, W).

    A pixel belongs to the mask from half of the largest value on: masks are stored as
    0/1 as well as 0/255, and one that went through JPEG rings around zero.

    Raises:
        DecodeError: the file is missing, truncated, or no image.
    """
    values = _colours(_bytes(path), path).max(axis=2).astype(np.float64)
    peak = float(values.max())
    mask: Mask = (values >= peak / 2) & (peak > 0)
    return mask


def grey(image: Rgb) -> Grey:
    """Luminance of an RGB image; a grey one keeps its values."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def window(image: NDArray[Any]) -> NDArray[np.uint8]:
    """uint8 as it is; any other depth spread over 0…255 between the percentiles `WINDOW`."""
    if image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    if image.dtype != np.uint16:
        values = np.nan_to_num(image.astype(np.float64), posinf=0, neginf=0)
        return _spread(values, *_ends(values))
    # each value once: the same, in a tenth of the time and memory
    table = _spread(np.arange(2**16, dtype=np.float64), *_ends(image))
    narrow = np.empty(image.shape, np.uint8)
    for row, into in zip(image, narrow, strict=True):
        np.take(table, row, out=into)
    return narrow


def _ends(values: NDArray[Any]) -> tuple[float, float]:
    """The values that become 0 and 255."""
    low, high = np.percentile(values, WINDOW)
    if high <= low:  # nearly all of the image is one value: its few others still count
        low, high = values.min(), values.max()
    return float(low), float(high)


def _spread(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    spread = (values - low) / (high - low or 1.0) * 255
    return np.asarray(np.clip(np.rint(spread), 0, 255), np.uint8)


def _bytes(path: Path) -> NDArray[np.uint8]:
    # OpenCV's own file access fails on names that are not ASCII on some systems
    try:
        with open(path, "rb") as file:
            return np.frombuffer(file.read(), np.uint8)
    except FileNotFoundError:
        raise DecodeError(f"{path} does not exist") from None
    except OSError as error:
        raise DecodeError(f"{path} cannot be read: {error.strerror}") from None


def _colours(content: NDArray[np.uint8], path: Path | str) -> NDArray[Any]:
    if not content.size:
        raise DecodeError(f"{path} is empty")
    try:
        image = cv2.imdecode(content, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR_RGB)
        if image is None:  # OpenCV expands no grey image of floating point
            image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None or not image.size:
        raise DecodeError(f"{path} is no whole image")
    image = image.reshape(*image.shape[:2], -1)
    return image if image.shape[2] == 3 else np.repeat(image[:, :, :1], 3, axis=2)


def _luminance(content: NDArray[np.uint8]) -> Grey | None:
    """Of the image in the content of a JPEG; None where it is no whole image."""
    try:
        image = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)
