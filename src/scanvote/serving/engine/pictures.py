"""PNGs of what the page shows, pressed quickly rather than small."""

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Mask, Rgb

_QUICK = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def scan_png(image: Rgb) -> bytes:
    """Of uint8 (H, W, 3): grey where red, green and blue are alike."""
    red = image[..., 0]
    alike = np.array_equal(red, image[..., 1]) and np.array_equal(red, image[..., 2])
    return map_png(np.ascontiguousarray(red)) if alike else _png(image[..., ::-1])


def mask_png(mask: Mask) -> bytes:
    """Of bool (H, W): 255 where it is marked."""
    return map_png(mask.astype(np.uint8) * np.uint8(255))


def map_png(heat: NDArray[np.uint8]) -> bytes:
    """Of uint8 (H, W)."""
    return _png(heat)


def _png(image: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", image, _QUICK)
    if not done:
        raise ValueError(f"no PNG of {image.dtype} {image.shape}")
    return data.tobytes()
