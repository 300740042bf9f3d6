"""The square that a network takes: stretched to it, or fitted into it on black."""

from typing import Literal

import cv2
import numpy as np

Fit = Literal["stretch", "pad"]


def resize(image: np.ndarray, side: int, fit: Fit) -> np.ndarray:
    """uint8 (H, W) or (H, W, C) as uint8 (side, side) or (side, side, C).

    Args:
        image: of any size.
        side: pixels a side of the result.
        fit: ``stretch`` fills the square; ``pad`` keeps the proportions, centred on black.
    """
    height, width = _fitted(image.shape[:2], side, fit)
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    # OpenCV drops an axis of one channel
    scaled = np.reshape(scaled, (height, width, *image.shape[2:]))
    rows, columns = fitted_slices(image.shape, side, fit)
    margins = [(rows.start, side - rows.stop), (columns.start, side - columns.stop), (0, 0)]
    return np.pad(scaled, margins[: image.ndim])


def resize_mask(mask: np.ndarray, side: int, fit: Fit) -> np.ndarray:
    """uint8 (H, W), 0 or 1, as uint8 (side, side), 0 or 1, moved as `resize` moves its image.

    A pixel is marked where half of its area is: the nearest pixel would shift the mask.
    """
    return (resize(mask * np.uint8(255), side, fit) > 127).astype(np.uint8)


def fitted_slices(shape: tuple[int, ...], side: int, fit: Fit) -> tuple[slice, slice]:
    """The rows and the columns of the square in which `resize` puts an image of that shape."""
    height, width = _fitted(shape[:2], side, fit)
    top, left = (side - height) // 2, (side - width) // 2
    return slice(top, top + height), slice(left, left + width)


def pixel_size(shape: tuple[int, ...], side: int, fit: Fit) -> tuple[float, float]:
    """Height and width of a pixel that `resize` makes, in pixels of the image it was given."""
    height, width = _fitted(shape[:2], side, fit)
    return shape[0] / height, shape[1] / width


def _fitted(shape: tuple[int, ...], side: int, fit: Fit) -> tuple[int, int]:
    if fit == "stretch":
        return side, side
    height, width = (max(1, round(side * length / max(shape))) for length in shape)
    return height, width
