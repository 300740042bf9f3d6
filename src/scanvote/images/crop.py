"""The crop to the brain: the bounding box of the largest contour.

The steps are those that published notebooks on these data sets share (blur, threshold at
45, erode and dilate twice, largest external contour, its extreme points), with a fallback
where the contour cannot be a head.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Grey

Box = tuple[int, int, int, int]
"""``(x, y, width, height)`` in pixels."""

THRESHOLD = 45
"""Grey value above which a pixel is taken for tissue, as published."""
LEAST_AREA = 0.2
"""Share of the image below which the box is implausible."""
MOST_ELONGATED = 3.0
"""Ratio of the sides above which the box is implausible."""


def crop_box(grey: Grey) -> Box:
    """The bounding box of the largest contour of a (H, W) uint8 image.

    It is the whole image where nothing stands out, or where the box covers too little of
    the image or is too elongated to be a head.
    """
    height, width = grey.shape
    whole = (0, 0, width, height)
    contours = cv2.findContours(_tissue(grey), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[-2]
    if not contours:
        return whole
    # OpenCV 5 returns points as (n, 2), 4 as (n, 1, 2)
    largest = max((np.reshape(one, (-1, 1, 2)) for one in contours), key=cv2.contourArea)
    x, y, box_width, box_height = (int(side) for side in cv2.boundingRect(largest))
    box = (x, y, box_width, box_height)
    return box if _plausible(box, whole) else whole


def crop(image: NDArray[np.generic], box: Box) -> NDArray[np.generic]:
    """The part of an (H, W) or (H, W, C) array inside the box, as a view."""
    x, y, width, height = box
    return image[y : y + height, x : x + width]


def _tissue(grey: Grey) -> Grey:
    blurred = cv2.GaussianBlur(grey, (5, 5), 0)
    _, tissue = cv2.threshold(blurred, THRESHOLD, 255, cv2.THRESH_BINARY)
    kernel = np.ones((3, 3), np.uint8)
    # erosion parts the head from letters and frames that touch it
    opened = cv2.dilate(cv2.erode(tissue, kernel, iterations=2), kernel, iterations=2)
    return np.asarray(opened, np.uint8)


def _plausible(box: Box, whole: Box) -> bool:
    (_, _, width, height), (_, _, all_width, all_height) = box, whole
    enough = width * height >= LEAST_AREA * all_width * all_height
    return enough and max(width, height) <= MOST_ELONGATED * min(width, height)
