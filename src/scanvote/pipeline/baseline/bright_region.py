"""The brightest region of a brain: a tumour's mask without learning.

The chain that surveys of the field describe: the noise is smoothed, the skull stripped by
contours and histogram (`strip`), the brain thresholded by Otsu's method or by clusters of its
intensities, the result opened, and its largest component judged by contrast and size.
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
"""Pixels a side of the median filter."""
CLUSTERS = 4
"""Of intensities: fluid, grey and white matter, and what is brighter."""
ITERATIONS = 50
"""Of Lloyd's algorithm, which has converged by then."""


Method = Literal["otsu", "kmeans"]
"""``otsu``: the brightest of three classes (Otsu 1979); ``kmeans``: the brightest of `CLUSTERS`
clusters (Lloyd 1982), begun at quantiles."""


@dataclass(frozen=True)
class Region:
    """The largest bright region of a brain.

    Attributes:
        mask: bool (H, W), its holes filled.
        contrast: by which its mean lies above the brain's, in the brain's standard deviations.
        size: as a share of the brain.
    """

    mask: Mask
    contrast: float = 0.0
    size: float = 0.0


@dataclass(frozen=True)
class BrightRegion:
    """A way from the regions of a slice, by method, to a mask: the region, if it is a tumour.

    Attributes:
        method: whose region.
        contrast: of a tumour, at the least.
        smallest: size of a tumour.
    """

    method: Method
    contrast: float
    smallest: float

    def __call__(self, regions: Mapping[Method, Region]) -> Mask:
        """bool (H, W)."""
        region = regions[self.method]
        tumour = region.contrast >= self.contrast and region.size >= self.smallest
        return region.mask if tumour else np.zeros_like(region.mask)


def bright_regions(image: Grey, methods: Sequence[Method]) -> dict[Method, Region]:
    """By method the brightest region of the brain in a uint8 (H, W)."""
    smooth = np.asarray(cv2.medianBlur(image, SMOOTHING), np.uint8)
    brain = brain_of(smooth)
    shades = smooth[brain]
    if np.ptp(shades) == 0:
        return dict.fromkeys(methods, Region(np.zeros(image.shape, np.bool_)))
    return {method: _region(smooth, brain, _THRESHOLDS[method](shades)) for method in methods}


def _region(smooth: Grey, brain: Mask, least: float) -> Region:
    shades, mask = smooth[brain], _largest(brain & (smooth > least))
    if not mask.any():
        return Region(mask)
    apart = (smooth[mask].mean() - shades.mean()) / shades.std()
    return Region(mask, float(apart), float(mask.sum() / brain.sum()))


def brain_of(image: Grey) -> Mask:
    """bool (H, W): the brain, or the head where no brain is plausible, or all of the image."""
    head = head_mask(image)
    if head is None:
        return np.ones(image.shape, np.bool_)
    brain = brain_mask(image, head)
    return head if brain is None else brain


def _brightest_class(shades: NDArray[np.uint8]) -> float:
    """The higher of the two thresholds that part the shades best into three classes."""
    often = np.bincount(shades, minlength=256).astype(float)
    # of the levels up to each threshold, from none of them to all
    weight = np.concatenate([[0.0], often.cumsum()])
    total = np.concatenate([[0.0], (often * np.arange(256)).cumsum()])

    def spread(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """What a class of the levels `first` to `last` - 1 adds to the variance between classes."""
        pixels = weight[last] - weight[first]
        return np.asarray((total[last] - total[first]) ** 2 / np.maximum(pixels, 1))

    low, high = np.triu_indices(257, k=1)
    none, every = np.zeros_like(low), np.full_like(low, 256)
    best = (spread(none, low) + spread(low, high) + spread(high, every)).argmax()
    return float(high[best] - 1)


def _brightest_cluster(shades: NDArray[np.uint8]) -> float:
    """The intensity above which a pixel is of the brightest cluster."""
    levels, often = np.arange(256.0), np.bincount(shades, minlength=256)
    centres = np.quantile(shades, (np.arange(CLUSTERS) + 0.5) / CLUSTERS)
    for _ in range(ITERATIONS):
        nearest = np.abs(levels[:, None] - centres).argmin(axis=1)
        weight = np.bincount(nearest, often, CLUSTERS)
        sums = np.bincount(nearest, often * levels, CLUSTERS)
        centres = np.where(weight > 0, sums / np.maximum(weight, 1), centres)
    centres = np.sort(centres)
    return float(centres[-2:].mean())


_THRESHOLDS: Mapping[Method, Callable[[NDArray[np.uint8]], float]] = {
    "otsu": _brightest_class,
    "kmeans": _brightest_cluster,
}


def _largest(binary: Mask) -> Mask:
    """The largest component of what is left when single pixels are gone, its holes filled."""
    opened = cv2.morphologyEx(binary.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, numbers, table, _ = cv2.connectedComponentsWithStats(opened)
    areas = table[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return np.zeros_like(binary)
    return np.asarray(ndimage.binary_fill_holes(numbers == 1 + int(areas.argmax())))
