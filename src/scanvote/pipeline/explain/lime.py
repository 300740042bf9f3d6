"""LIME: a linear model of the effect of hiding superpixels.

Ribeiro, Singh and Guestrin, KDD 2016. Kernel, ridge and probabilities are those of the authors' own
program.
"""

import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.explain.perturbation import Floats, Perturbation

KERNEL_WIDTH = 0.25
RIDGE = 1.0
_COMPACTNESS, _SMOOTHING = 0.2, 1.0
"""Values for grey superpixels: a higher compactness turns them into squares, whatever is in the
scan; with a lower one, or without smoothing, noise frays them, and SLIC then joins nearly all of
them."""

Segments = NDArray[np.int64]
"""(H, W): the number of each pixel's superpixel, from 0."""


def hide_superpixels(
    image: NDArray[np.uint8], segments: int, samples: int, random: np.random.Generator
) -> Perturbation:
    """Return a perturbation that hides each superpixel with probability 0.5.

    The map is the weight of each superpixel in a linear model of the evidence, spread evenly over
    its pixels; negative weights become 0.

    Args:
        image: (H, W, C).
        segments: requested number of superpixels; there may be fewer.
        samples: number of variants to fit the model to.
        random: generator that decides which superpixels are hidden.
    """
    parts = superpixels(image, segments)
    kept = random.random((samples, int(parts.max()) + 1)) < 0.5

    def attribute(evidence: Floats, unperturbed: float) -> Floats:
        everything = np.ones((1, kept.shape[1]), bool)
        changes = np.append(0, evidence - unperturbed)
        weights = linear_weights(np.concatenate([everything, kept]), changes)
        return np.maximum(weights / np.bincount(parts.ravel()), 0)[parts]

    return Perturbation(~kept[:, parts], attribute)


def superpixels(image: NDArray[np.uint8], segments: int) -> Segments:
    """Segment into connected superpixels of similar intensity by SLIC.

    Achanta et al., IEEE TPAMI 34, 2012.
    """
    from skimage.segmentation import slic

    grey = image.mean(axis=2) / 255
    labels = slic(grey, segments, _COMPACTNESS, sigma=_SMOOTHING, start_label=0, channel_axis=None)
    return np.unique(labels, return_inverse=True)[1].reshape(grey.shape).astype(np.int64)


def linear_weights(kept: NDArray[np.bool_], evidence: Floats) -> Floats:
    """Return each superpixel's effect on the evidence, (S,), by ridge regression.

    The regression has an intercept.

    Args:
        kept: (n, S), the superpixels visible in each variant; a variant with more of them has a
            higher weight.
        evidence: (n,), the evidence of each variant.
    """
    # cosine distance between the visible superpixels and all of them
    distance = 1 - np.sqrt(kept.mean(axis=1))
    weight = np.exp(-((distance / KERNEL_WIDTH) ** 2) / 2)
    weight /= weight.sum()
    x, y = kept - weight @ kept, evidence - weight @ evidence
    scaled = x.T * weight * len(evidence)
    return np.linalg.solve(scaled @ x + RIDGE * np.eye(kept.shape[1]), scaled @ y)
