"""LIME: a linear model of what hiding superpixels does. Ribeiro, Singh and Guestrin, KDD 2016.

Kernel, ridge and chances are those of the authors' own program.
"""

import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.explain.perturbation import Floats, Perturbation

KERNEL_WIDTH = 0.25
RIDGE = 1.0
_COMPACTNESS, _SMOOTHING = 0.2, 1.0
"""Of grey superpixels: more makes squares of them, whatever is in the scan; with less, or on
pixels that are not smoothed, noise frays them, and SLIC then joins nearly all of them."""

Segments = NDArray[np.int64]
"""(H, W): the number of each pixel's superpixel, from 0."""


def hide_superpixels(
    image: NDArray[np.uint8], segments: int, samples: int, random: np.random.Generator
) -> Perturbation:
    """Superpixels hidden at random, each with a chance of one half.

    The map is the weight of each superpixel in a linear model of the evidence, spread evenly
    over its pixels; where it speaks against the class it is 0.

    Args:
        image: (H, W, C).
        segments: superpixels that are wanted; there may be fewer.
        samples: variants to learn from.
        random: decides what they hide.
    """
    parts = superpixels(image, segments)
    kept = random.random((samples, int(parts.max()) + 1)) < 0.5

    def attribute(found: Floats, whole: float) -> Floats:
        everything = np.ones((1, kept.shape[1]), bool)
        change = np.append(0, found - whole)
        weights = linear_weights(np.concatenate([everything, kept]), change)
        return np.maximum(weights / np.bincount(parts.ravel()), 0)[parts]

    return Perturbation(~kept[:, parts], attribute)


def superpixels(image: NDArray[np.uint8], segments: int) -> Segments:
    """Connected parts of like intensity. SLIC: Achanta et al., IEEE TPAMI 34, 2012."""
    from skimage.segmentation import slic

    grey = image.mean(axis=2) / 255
    found = slic(grey, segments, _COMPACTNESS, sigma=_SMOOTHING, start_label=0, channel_axis=None)
    return np.unique(found, return_inverse=True)[1].reshape(grey.shape).astype(np.int64)


def linear_weights(kept: NDArray[np.bool_], found: Floats) -> Floats:
    """(S,): what each part adds to the evidence, by ridge regression with an intercept.

    Args:
        kept: (n, S), the parts that a variant shows; it counts the more, the more it shows.
        found: (n,), its evidence.
    """
    # the cosine distance of what is kept to all that there is
    distance = 1 - np.sqrt(kept.mean(axis=1))
    weight = np.exp(-((distance / KERNEL_WIDTH) ** 2) / 2)
    weight /= weight.sum()
    x, y = kept - weight @ kept, found - weight @ found
    scaled = x.T * weight * len(found)
    return np.linalg.solve(scaled @ x + RIDGE * np.eye(kept.shape[1]), scaled @ y)
