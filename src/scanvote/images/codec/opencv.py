"""Decoding by OpenCV, which returns None where it would raise or print."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

RGB = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR_RGB
STORED = cv2.IMREAD_UNCHANGED
"""Channels as stored, in the order BGR(A), not turned by EXIF."""
EXIF = cv2.IMAGE_METADATA_EXIF

# a decoding error is reported once, by our exception; OpenCV would print lines of its own
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def imdecode(content: NDArray[np.uint8], flags: int) -> NDArray[Any] | None:
    """Decode a file's content; None if it is no whole image.

    Returns:
        (H, W) or (H, W, C) of the depth of the file.
    """
    try:
        image = cv2.imdecode(content, flags)
    except cv2.error:
        return None
    return None if image is None or not image.size else np.asarray(image)


def imdecode_stored(content: NDArray[np.uint8]) -> tuple[NDArray[Any] | None, NDArray[np.uint8]]:
    """Decode with `STORED`, and return the EXIF beside, or no bytes."""
    none = np.empty(0, np.uint8)
    try:
        image, kinds, blocks = cv2.imdecodeWithMetadata(content, STORED)
    except cv2.error:
        return None, none
    exif = [block for kind, block in zip(kinds, blocks, strict=True) if kind == EXIF]
    found = np.asarray(exif[0], np.uint8).reshape(-1) if exif else none
    return (None if image is None or not image.size else np.asarray(image)), found
