"""Resize to the square input of a network, by stretching or padding."""

from typing import Literal

import cv2
import numpy as np

Fit = Literal["stretch", "pad"]


def resize(image: np.ndarray, side: int, fit: Fit) -> np.ndarray:
    """Resize an image to a square of `side` pixels.

    Args:
        image: uint8 (H, W) or (H, W, C) of any size.
        side: height and width of the result in pixels.
        fit: ``stretch`` fills the square; ``pad`` keeps the proportions, centred on black.

    Returns:
        uint8 (side, side) or (side, side, C).
    """
    height, width = _fitted(image.shape[:2], side, fit)
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    # OpenCV drops a channel axis of length 1
    scaled = np.reshape(scaled, (height, width, *image.shape[2:]))
    rows, columns = fitted_slices(image.shape, side, fit)
    margins = [(rows.start, side - rows.stop), (columns.start, side - columns.stop), (0, 0)]
    return np.pad(scaled, margins[: image.ndim])


def resize_mask(mask: np.ndarray, side: int, fit: Fit) -> np.ndarray:
    """Resize a mask as `resize` does its image.

    A pixel is marked if half of its area is: taking the nearest pixel would shift the mask.

    Args:
        mask: uint8 (H, W), 0 or 1.
        side, fit: as of `resize`.

    Returns:
        uint8 (side, side), 0 or 1.
    """
    return (resize(mask * np.uint8(255), side, fit) > 127).astype(np.uint8)


def fitted_slices(shape: tuple[int, ...], side: int, fit: Fit) -> tuple[slice, slice]:
    """Return the rows and columns of the square that the image fills."""
    height, width = _fitted(shape[:2], side, fit)
    top, left = (side - height) // 2, (side - width) // 2
    return slice(top, top + height), slice(left, left + width)


def pixel_size(shape: tuple[int, ...], side: int, fit: Fit) -> tuple[float, float]:
    """Return height and width of a resized pixel in original pixels."""
    height, width = _fitted(shape[:2], side, fit)
    return shape[0] / height, shape[1] / width


def _fitted(shape: tuple[int, ...], side: int, fit: Fit) -> tuple[int, int]:
    if fit == "stretch":
        return side, side
    height, width = (max(1, round(side * length / max(shape))) for length in shape)
    return height, width
