"""Correlate two images after registration by a small affine transform."""

from functools import partial

import cv2
import numpy as np

from scanvote.core.parallel import Files, parallel_map
from scanvote.images.decode import Grey
from scanvote.pipeline.deduplicate.fingerprints import Thumbnails
from scanvote.pipeline.deduplicate.hamming import Pairs

STEPS = 40
"""Iterations after which a registration is used, even if not converged."""
BLUR = 5
"""Pixels of the Gaussian filter that eases the registration."""
MAX_STRETCH = 1.2
"""Largest stretch, or its inverse, of a plausible registration."""
MAX_SHIFT = 10.0
"""Largest movement of a corner, in pixels of 64."""


def registered_pairs(thumbnails: Thumbnails, pairs: Pairs, min_correlation: float) -> Pairs:
    """Return the pairs that correlate with at least `min_correlation` when registered.

    Args:
        thumbnails: uint8 (n, SIDE, SIDE).
        pairs: pairs to register, at one or a few milliseconds each.
        min_correlation: the smallest correlation.
    """
    both = list(zip(thumbnails[pairs[0]], thumbnails[pairs[1]], strict=True))
    correlates = partial(_correlates, min_correlation)
    enough = np.array(parallel_map(correlates, both, "Align", files=lambda pair: Files()), np.bool_)
    return pairs[0][enough], pairs[1][enough]


def registered_correlation_of(one: Grey, other: Grey) -> float:
    """Return Pearson's r of two thumbnails in their overlap, after registration.

    The registration is the small affine transform that maximises the enhanced correlation
    coefficient (Evangelidis and Psarakis, IEEE TPAMI 30, 2008). r is 0 if none is found, or only
    an implausible one.
    """
    transform = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, 1e-4)
    full_mask = np.full_like(other, 255)
    try:
        value, found = cv2.findTransformECC(
            one, other, transform, cv2.MOTION_AFFINE, criteria, full_mask, BLUR
        )
    except cv2.error:  # it does not converge, or one image is constant
        return 0.0
    return float(value) if is_small(np.asarray(found, np.float64), len(one)) else 0.0


def is_small(transform: np.ndarray, side: int) -> bool:
    """Return whether an affine transform is small enough for a copy.

    Args:
        transform: (2, 3).
        side: height and width of the image in pixels.
    """
    stretches = np.linalg.svd(transform[:, :2], compute_uv=False)
    corners = np.array([[0, 0, 1], [0, side, 1], [side, 0, 1], [side, side, 1]], np.float64)
    moved = np.abs(corners @ transform.T - corners[:, :2]).max()
    mild = stretches.max() <= MAX_STRETCH and stretches.min() >= 1 / MAX_STRETCH
    return bool(mild and moved <= MAX_SHIFT)


def _correlates(min_correlation: float, pair: tuple[Grey, Grey]) -> bool:
    return registered_correlation_of(*pair) >= min_correlation
