"""Generated heads, and a small turn of one, for tests of what makes two images alike."""

import cv2
import numpy as np


def head(seed: int) -> np.ndarray:
    """Blobs within an ellipse on black, (128, 128) uint8."""
    blobs = np.random.default_rng(seed).random((9, 9)).astype(np.float32)
    image = 60 + 180 * cv2.resize(blobs, (128, 128), interpolation=cv2.INTER_CUBIC)
    mask = cv2.ellipse(np.zeros((128, 128), np.uint8), (64, 64), (52, 58), 0, 0, 360, 1, -1)
    return (np.clip(image, 0, 255) * mask).astype(np.uint8)


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    change = cv2.getRotationMatrix2D((63.5, 63.5), degrees, 1)
    return cv2.warpAffine(image, change, (128, 128))
