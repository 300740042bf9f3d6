"""Strip the background or the skull, by thresholds and morphology.

Nothing is learnt.

- `head_mask`: Otsu's threshold (IEEE Transactions on Systems, Man and Cybernetics 9, 1979),
  the large components, their holes filled.
- `brain_mask`: skull stripping as morphological pipelines do it (Brummer et al., IEEE
  Transactions on Medical Imaging 12, 1993): threshold inside the head, erode until the
  brain comes free of the scalp, keep the largest component near the centre, dilate, fill.

A 2-D slice often shows no dark bone between brain and scalp, and a slice below the brain shows
no brain. So the shape of the component is checked, and without a plausible brain there is no
mask. Even in a plausible one, gyri at the rim may be cut off, and lesions there with them.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Grey, Mask, Rgb, grey

MIN_CONTRAST = 8
"""Otsu's threshold below which an image holds only noise."""
OTSU_SHARE = 0.5
"""Share of Otsu's threshold to use: half keeps the brain in.

The full threshold lies between brain and bright fat.
"""
MIN_HEAD = 0.05
"""Share of the image below which the bright part is no head."""
MIN_COMPONENT = 0.1
"""Share of the largest component from which others belong to the head."""
THRESHOLDS = (1.0, 0.8, 0.6, 0.5)
"""Shares of Otsu's threshold inside the head, tried in this order."""
EROSIONS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.055, 0.07)
"""Radii tried in this order, in head sizes (root of its area)."""
BRAIN_SHARES = (0.25, 0.9)
"""Smallest and largest share of the head's area for a brain."""
MIN_SOLIDITY = 0.85
"""Smallest share of its convex hull that a brain fills."""
MAX_OFF_CENTRE = 0.18
"""Largest distance between centres of brain and head, in head sizes."""
SCALP = 0.03
"""Thickness of the head's rim, in head sizes."""
MAX_RIM = 0.1
"""Largest share of a brain's outline that may lie in the rim."""

Binary = NDArray[np.uint8]
"""(H, W) uint8, 0 or 1."""


def tissue_mask(image: Rgb, strip: Literal["background", "skull"]) -> tuple[Mask, bool]:
    """Return a mask of the head, or of the brain alone.

    Args:
        image: uint8 (H, W, 3), a slice of a head, bright on dark.
        strip: what to remove: the background, or the skull and everything outside it.

    Returns:
        bool (H, W), and whether stripping succeeded. Without a plausible brain the mask is the
        head, and without a head it is the whole image.
    """
    shades = grey(image)
    head = head_mask(shades)
    if head is None:
        return np.ones(shades.shape, np.bool_), False
    brain = brain_mask(shades, head) if strip == "skull" else head
    return (head, False) if brain is None else (brain, True)


def head_mask(image: Grey) -> Mask | None:
    """Return the head in an image (H, W) as bool (H, W).

    It is None if nothing is bright enough, or too little for a head.
    """
    blurred = np.asarray(cv2.GaussianBlur(image, (5, 5), 0), np.uint8)
    threshold = _otsu(blurred)
    if threshold < MIN_CONTRAST:
        return None
    bright = (blurred > OTSU_SHARE * threshold).astype(np.uint8)
    radius = max(1, round(0.01 * min(image.shape)))
    opened = cv2.morphologyEx(_fill_holes(bright), cv2.MORPH_OPEN, _disc(radius))
    numbers, areas, _ = _components(np.asarray(opened, np.uint8))
    if not len(areas) or areas.max() < MIN_HEAD * image.size:
        return None
    return np.isin(numbers, 1 + np.flatnonzero(areas >= MIN_COMPONENT * areas.max()))


def brain_mask(image: Grey, head: Mask) -> Mask | None:
    """Return the brain, bool (H, W), None if no shape is plausible."""
    inside = head.astype(np.uint8)
    for brain in _candidates(image, inside, float(np.sqrt(head.sum()))):
        if _plausible(brain, inside):
            return brain > 0
    return None


def _candidates(image: Grey, head: Binary, scale: float) -> Iterator[Binary]:
    """Yield components near the centre, with rising erosion for each threshold."""
    threshold, centre = _otsu(image[head > 0]), _centre(head)
    for share in THRESHOLDS:
        bright = np.asarray(cv2.medianBlur(head * (image > share * threshold), 3), np.uint8)
        for erosion in EROSIONS:
            radius = max(1, round(erosion * scale))
            eroded = cv2.erode(bright, _disc(radius), borderType=cv2.BORDER_CONSTANT, borderValue=0)
            numbers, areas, centres = _components(np.asarray(eroded, np.uint8))
            if not len(areas):
                break
            central = np.linalg.norm(centres - centre, axis=1) < MAX_OFF_CENTRE * scale
            if central.any():
                brain = (numbers == 1 + np.argmax(areas * central)).astype(np.uint8)
                yield _regrow(brain, radius, max(2 * radius, round(0.05 * scale))) & head


def _regrow(eroded: Binary, radius: int, gap: int) -> Binary:
    """Dilate an eroded brain back, and close furrows up to twice `gap`."""
    grown = _fill_holes(np.asarray(cv2.dilate(eroded, _disc(radius)), np.uint8))
    # without the padding, closing would count the outside of the image as brain
    padded = cv2.morphologyEx(np.pad(grown, gap), cv2.MORPH_CLOSE, _disc(gap))
    return _fill_holes(np.asarray(padded, np.uint8)[gap:-gap, gap:-gap])


def _plausible(brain: Binary, head: Binary) -> bool:
    min_area, max_area = (share * head.sum() for share in BRAIN_SHARES)
    if not min_area <= brain.sum() <= max_area:
        return False
    outline = max(_contours(brain), key=cv2.contourArea)
    hull = cv2.contourArea(cv2.convexHull(outline))
    if cv2.contourArea(outline) < MIN_SOLIDITY * hull:
        return False
    points = outline.reshape(-1, 2)
    depth = cv2.distanceTransform(np.pad(head, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    rim = depth[points[:, 1], points[:, 0]] <= SCALP * np.sqrt(head.sum())
    return bool(rim.mean() < MAX_RIM)


def _otsu(values: NDArray[np.uint8]) -> float:
    flags = cv2.THRESH_BINARY | cv2.THRESH_OTSU
    return float(cv2.threshold(values.reshape(-1, 1), 0, 255, flags)[0])


def _disc(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _components(binary: Binary) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Label components from 1, with their areas and centres (x, y)."""
    count, numbers, stats, centres = cv2.connectedComponentsWithStats(binary)
    areas = np.reshape(stats, (count, 5))[1:, cv2.CC_STAT_AREA].astype(np.int32)
    middles = np.reshape(centres, (count, 2))[1:].astype(np.float64)
    return np.asarray(numbers, np.int32), areas, middles


def _centre(binary: Binary) -> NDArray[np.float64]:
    rows, columns = np.nonzero(binary)
    return np.array([columns.mean(), rows.mean()])


def _contours(binary: Binary) -> Sequence[NDArray[np.int32]]:
    contours = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[-2]
    # OpenCV 5 returns points as (n, 2), 4 as (n, 1, 2)
    return [np.reshape(one, (-1, 1, 2)) for one in contours]


def _fill_holes(binary: Binary) -> Binary:
    drawn = cv2.drawContours(np.zeros_like(binary), _contours(binary), -1, 1, cv2.FILLED)
    return np.asarray(drawn, np.uint8)
