"""Tumour segmentation without learning: the brightest region of a brain.

These are the steps that surveys of the field describe: median filter, skull stripping by contours
and histogram (`scanvote.images.skull_strip`), threshold of the brain by Otsu's method or by
clusters of its intensities, morphological opening, and a test of the largest component by
contrast and size.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scanvote.images.decode import Grey, Mask
from scanvote.images.skull_strip import brain_mask, head_mask

SMOOTHING = 5
"""Side of the median filter, in pixels."""
CLUSTERS = 4
"""Clusters of intensities: fluid, grey matter, white matter, and anything brighter."""
ITERATIONS = 50
"""Iterations of Lloyd's algorithm, enough for it to converge."""


Method = Literal["otsu", "kmeans"]
"""``otsu``: the brightest of three classes (Otsu 1979); ``kmeans``: the brightest of `CLUSTERS`
clusters (Lloyd 1982), initialised at quantiles."""


@dataclass(frozen=True)
class Region:
    """The largest bright region of a brain.

    Attributes:
        mask: bool (H, W), holes filled.
        contrast: difference of its mean to the brain's mean, in standard deviations of the brain.
        size: area as a share of the brain's.
    """

    mask: Mask
    contrast: float = 0.0
    size: float = 0.0


@dataclass(frozen=True)
class BrightRegion:
    """Rule that decides if a slice's bright region is a tumour.

    Attributes:
        method: the method whose region is used.
        contrast: minimum contrast of a tumour.
        smallest: minimum size of a tumour.
    """

    method: Method
    contrast: float
    smallest: float

    def __call__(self, regions: Mapping[Method, Region]) -> Mask:
        """Return the mask, bool (H, W), from a slice's regions."""
        region = regions[self.method]
        tumour = region.contrast >= self.contrast and region.size >= self.smallest
        return region.mask if tumour else np.zeros_like(region.mask)


def bright_regions(image: Grey, methods: Sequence[Method]) -> dict[Method, Region]:
    """Find the brain's brightest region in a uint8 (H, W), by method."""
    smooth = np.asarray(cv2.medianBlur(image, SMOOTHING), np.uint8)
    brain = brain_of(smooth)
    intensities = smooth[brain]
    if np.ptp(intensities) == 0:
        return dict.fromkeys(methods, Region(np.zeros(image.shape, np.bool_)))
    return {method: _region(smooth, brain, _THRESHOLDS[method](intensities)) for method in methods}


def _region(smooth: Grey, brain: Mask, threshold: float) -> Region:
    intensities, mask = smooth[brain], _largest_component(brain & (smooth > threshold))
    if not mask.any():
        return Region(mask)
    contrast = (smooth[mask].mean() - intensities.mean()) / intensities.std()
    return Region(mask, float(contrast), float(mask.sum() / brain.sum()))


def brain_of(image: Grey) -> Mask:
    """Mask of the brain, bool (H, W).

    It is the head if no plausible brain is found, and the whole image if there is no head.
    """
    head = head_mask(image)
    if head is None:
        return np.ones(image.shape, np.bool_)
    brain = brain_mask(image, head)
    return head if brain is None else brain


def _brightest_class(intensities: NDArray[np.uint8]) -> float:
    """Upper threshold of Otsu's method with three classes."""
    counts = np.bincount(intensities, minlength=256).astype(float)
    # cumulative sums, so that entry i covers the levels below i
    weight = np.concatenate([[0.0], counts.cumsum()])
    total = np.concatenate([[0.0], (counts * np.arange(256)).cumsum()])

    def variance_term(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Between-class variance term of levels `first` to `last` - 1."""
        pixels = weight[last] - weight[first]
        return np.asarray((total[last] - total[first]) ** 2 / np.maximum(pixels, 1))

    low, high = np.triu_indices(257, k=1)
    start, end = np.zeros_like(low), np.full_like(low, 256)
    variance = variance_term(start, low) + variance_term(low, high) + variance_term(high, end)
    return float(high[variance.argmax()] - 1)


def _brightest_cluster(intensities: NDArray[np.uint8]) -> float:
    """Threshold between the two brightest clusters of intensities."""
    levels, counts = np.arange(256.0), np.bincount(intensities, minlength=256)
    centres = np.quantile(intensities, (np.arange(CLUSTERS) + 0.5) / CLUSTERS)
    for _ in range(ITERATIONS):
        nearest = np.abs(levels[:, None] - centres).argmin(axis=1)
        weight = np.bincount(nearest, counts, CLUSTERS)
        sums = np.bincount(nearest, counts * levels, CLUSTERS)
        centres = np.where(weight > 0, sums / np.maximum(weight, 1), centres)
    centres = np.sort(centres)
    return float(centres[-2:].mean())


_THRESHOLDS: Mapping[Method, Callable[[NDArray[np.uint8]], float]] = {
    "otsu": _brightest_class,
    "kmeans": _brightest_cluster,
}


def _largest_component(binary: Mask) -> Mask:
    """Largest component after morphological opening (3×3), with its holes filled."""
    opened = cv2.morphologyEx(binary.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, numbers, table, _ = cv2.connectedComponentsWithStats(opened)
    areas = table[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return np.zeros_like(binary)
    return np.asarray(ndimage.binary_fill_holes(numbers == 1 + int(areas.argmax())))
