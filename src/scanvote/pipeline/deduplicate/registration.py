"""How alike two images are once a small turn, shift, stretch or cut is undone."""

from functools import partial

import cv2
import numpy as np

from scanvote.core.parallel import parallel_map
from scanvote.images.decode import Grey
from scanvote.pipeline.deduplicate.fingerprints import Thumbnails
from scanvote.pipeline.deduplicate.hamming import Pairs

STEPS = 40
"""Iterations after which an alignment that has not settled is taken as it is."""
BLUR = 5
"""Pixels of the Gauss filter under which two thumbnails slide into place."""
MOST_STRETCHED = 1.2
"""Stretch, and its inverse, beyond which the images are made alike, not found alike."""
FARTHEST = 10.0
"""Pixels of 64 that a corner may move."""


def registered_pairs(thumbnails: Thumbnails, pairs: Pairs, least: float) -> Pairs:
    """Those of the pairs that correlate with at least `least` when aligned.

    Args:
        thumbnails: uint8 (n, SIDE, SIDE).
        pairs: what is aligned, at about a millisecond or a few each.
        least: the smallest correlation.
    """
    both = list(zip(thumbnails[pairs[0]], thumbnails[pairs[1]], strict=True))
    enough = np.array(parallel_map(partial(_alike, least), both, "Align"), np.bool_)
    return pairs[0][enough], pairs[1][enough]


def registered_correlation_of(one: Grey, other: Grey) -> float:
    """Pearson's r of two thumbnails where they overlap, after the best small affine change.

    The change is sought by maximising the enhanced correlation coefficient (Evangelidis and
    Psarakis, IEEE TPAMI 30, 2008). It is 0 where none is found, or only an implausible one.
    """
    change = np.eye(2, 3, dtype=np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, 1e-4)
    everywhere = np.full_like(other, 255)
    try:
        value, found = cv2.findTransformECC(
            one, other, change, cv2.MOTION_AFFINE, until, everywhere, BLUR
        )
    except cv2.error:  # it does not settle, or one of the two is constant
        return 0.0
    return float(value) if is_small(np.asarray(found, np.float64), len(one)) else 0.0


def is_small(change: np.ndarray, side: int) -> bool:
    """Whether an affine change (2, 3) of an image of `side` pixels is one of a copy."""
    stretches = np.linalg.svd(change[:, :2], compute_uv=False)
    corners = np.array([[0, 0, 1], [0, side, 1], [side, 0, 1], [side, side, 1]], np.float64)
    moved = np.abs(corners @ change.T - corners[:, :2]).max()
    mild = stretches.max() <= MOST_STRETCHED and stretches.min() >= 1 / MOST_STRETCHED
    return bool(mild and moved <= FARTHEST)


def _alike(least: float, pair: tuple[Grey, Grey]) -> bool:
    return registered_correlation_of(*pair) >= least
