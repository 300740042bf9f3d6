"""Orientations of EXIF and TIFF: how a viewer turns the stored pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def oriented(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an image (H, W, …) by its orientation, 1 to 8; others say nothing."""
    if orientation not in range(2, 9):
        return image
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)
