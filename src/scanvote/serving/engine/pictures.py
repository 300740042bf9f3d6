"""PNGs for the page, compressed for speed rather than size."""

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Mask, Rgb

_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def scan_png(image: Rgb) -> bytes:
    """Encode a uint8 (H, W, 3) scan; equal channels become grey."""
    red = image[..., 0]
    grey = np.array_equal(red, image[..., 1]) and np.array_equal(red, image[..., 2])
    return map_png(np.ascontiguousarray(red)) if grey else _png(image[..., ::-1])


def mask_png(mask: Mask) -> bytes:
    """Encode a bool (H, W) mask, with 255 inside."""
    return map_png(mask.astype(np.uint8) * np.uint8(255))


def map_png(heat: NDArray[np.uint8]) -> bytes:
    """Encode a uint8 (H, W) map."""
    return _png(heat)


def _png(image: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", image, _FAST)
    if not done:
        raise ValueError(f"no PNG of {image.dtype} {image.shape}")
    return data.tobytes()
