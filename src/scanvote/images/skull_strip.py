"""What is not the head, or not the brain, made black: by thresholds and shapes, nothing learnt.

- `head_mask`: Otsu's threshold (IEEE Transactions on Systems, Man and Cybernetics 9, 1979),
  the large components, their holes filled.
- `brain_mask`: skull stripping as morphological pipelines do it (Brummer et al., IEEE
  Transactions on Medical Imaging 12, 1993): threshold inside the head, erode until the
  brain comes free of the scalp, keep the largest component near the centre, dilate, fill.

A 2-D slice often shows no dark bone between brain and scalp, and one below the brain shows
no brain. So a brain is judged by its shape and is no mask at all where the shape is no
brain's. Where it is one, gyri at the rim may still be cut off, and lesions there with them.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Grey, Mask, Rgb, grey

LEAST_CONTRAST = 8
"""Otsu's threshold below which an image is empty but for noise."""
OTSU_SHARE = 0.5
"""Of Otsu's threshold, which lies between brain and bright fat: half of it leaves the brain in."""
LEAST_HEAD = 0.05
"""Share of the image below which what stands out is no head."""
LARGE = 0.1
"""Share of the largest component from which another one belongs to the head too."""
THRESHOLDS = (1.0, 0.8, 0.6, 0.5)
"""Shares of Otsu's threshold inside the head that are tried in turn."""
EROSIONS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.055, 0.07)
"""Radii that are tried in turn, in head sizes (the root of the head's area)."""
BRAIN_SHARES = (0.25, 0.9)
"""Shares of the head's area between which a component may be the brain."""
LEAST_SOLIDITY = 0.85
"""Share of its convex hull that a brain fills."""
MOST_OFF_CENTRE = 0.18
"""Distance between the centres of brain and head, in head sizes."""
SCALP = 0.03
"""Thickness of the head's rim, in head sizes."""
MOST_RIM = 0.1
"""Share of a brain's outline that may lie in the rim."""

Binary = NDArray[np.uint8]
"""(H, W) uint8, 0 or 1."""


def tissue_mask(image: Rgb, strip: Literal["background", "skull"]) -> tuple[Mask, bool]:
    """Where the head is in a (H, W, 3) uint8 image, or the brain alone.

    Args:
        image: a slice of a head, bright on dark.
        strip: what is to be left out: the background, or the skull and all outside it.

    Returns:
        bool (H, W), and whether it is what was asked for. Where no brain is plausible it is
        the head, and where nothing stands out it is all of the image.
    """
    shades = grey(image)
    head = head_mask(shades)
    if head is None:
        return np.ones(shades.shape, np.bool_), False
    brain = brain_mask(shades, head) if strip == "skull" else head
    return (head, False) if brain is None else (brain, True)


def head_mask(image: Grey) -> Mask | None:
    """bool (H, W), the head in a (H, W) uint8 image, or None where nothing stands out."""
    blurred = np.asarray(cv2.GaussianBlur(image, (5, 5), 0), np.uint8)
    threshold = _otsu(blurred)
    if threshold < LEAST_CONTRAST:
        return None
    bright = (blurred > OTSU_SHARE * threshold).astype(np.uint8)
    radius = max(1, round(0.01 * min(image.shape)))
    opened = cv2.morphologyEx(_filled(bright), cv2.MORPH_OPEN, _disc(radius))
    numbers, areas, _ = _components(np.asarray(opened, np.uint8))
    if not len(areas) or areas.max() < LEAST_HEAD * image.size:
        return None
    return np.isin(numbers, 1 + np.flatnonzero(areas >= LARGE * areas.max()))


def brain_mask(image: Grey, head: Mask) -> Mask | None:
    """bool (H, W), the brain inside the head, or None where nothing is shaped like one."""
    inside = head.astype(np.uint8)
    for brain in _candidates(image, inside, float(np.sqrt(head.sum()))):
        if _plausible(brain, inside):
            return brain > 0
    return None


def _candidates(image: Grey, head: Binary, scale: float) -> Iterator[Binary]:
    """Components near the centre, from the least to the most erosion of each threshold."""
    threshold, centre = _otsu(image[head > 0]), _centre(head)
    for share in THRESHOLDS:
        bright = np.asarray(cv2.medianBlur(head * (image > share * threshold), 3), np.uint8)
        for erosion in EROSIONS:
            radius = max(1, round(erosion * scale))
            eroded = cv2.erode(bright, _disc(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0)
            numbers, areas, centres = _components(np.asarray(eroded, np.uint8))
            if not len(areas):
                break
            central = np.linalg.norm(centres - centre, axis=1) < MOST_OFF_CENTRE * scale
            if central.any():
                brain = (numbers == 1 + np.argmax(areas * central)).astype(np.uint8)
                yield _regrown(brain, radius, max(2 * radius, round(0.05 * scale))) & head


def _regrown(eroded: Binary, radius: int, gap: int) -> Binary:
    """What was eroded, dilated back, with furrows up to twice `gap` wide closed."""
    grown = _filled(np.asarray(cv2.dilate(eroded, _disc(radius)), np.uint8))
    # padded: closing at the border of the image would take the outside for brain
    padded = cv2.morphologyEx(np.pad(grown, gap), cv2.MORPH_CLOSE, _disc(gap))
    return _filled(np.asarray(padded, np.uint8)[gap:-gap, gap:-gap])


def _plausible(brain: Binary, head: Binary) -> bool:
    least, most = (share * head.sum() for share in BRAIN_SHARES)
    if not least <= brain.sum() <= most:
        return False
    outline = max(_contours(brain), key=cv2.contourArea)
    hull = cv2.contourArea(cv2.convexHull(outline))
    if cv2.contourArea(outline) < LEAST_SOLIDITY * hull:
        return False
    points = outline.reshape(-1, 2)
    depth = cv2.distanceTransform(np.pad(head, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    rim = depth[points[:, 1], points[:, 0]] <= SCALP * np.sqrt(head.sum())
    return bool(rim.mean() < MOST_RIM)


def _otsu(values: NDArray[np.uint8]) -> float:
    flags = cv2.THRESH_BINARY | cv2.THRESH_OTSU
    return float(cv2.threshold(values.reshape(-1, 1), 0, 255, flags)[0])


def _disc(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _components(binary: Binary) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """The number of each pixel's component from 1, their areas, their centres (x, y)."""
    count, numbers, stats, centres = cv2.connectedComponentsWithStats(binary)
    areas = np.reshape(stats, (count, 5))[1:, cv2.CC_STAT_AREA].astype(np.int32)
    middles = np.reshape(centres, (count, 2))[1:].astype(np.float64)
    return np.asarray(numbers, np.int32), areas, middles


def _centre(binary: Binary) -> NDArray[np.float64]:
    rows, columns = np.nonzero(binary)
    return np.array([columns.mean(), rows.mean()])


def _contours(binary: Binary) -> Sequence[NDArray[np.int32]]:
    found = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[-2]
    # OpenCV 5 returns points as (n, 2), 4 as (n, 1, 2)
    return [np.reshape(one, (-1, 1, 2)) for one in found]


def _filled(binary: Binary) -> Binary:
    filled = cv2.drawContours(np.zeros_like(binary), _contours(binary), -1, 1, cv2.FILLED)
    return np.asarray(filled, np.uint8)
