"""Correlate two registered thumbnails within their overlap.

Unlike `registration`, it is strict enough to tell a copy from a neighbouring slice: areas that
were cut away do not count, and both images are equally sharp.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.core.processors import allowed_processors
from scanvote.core.progress import progress_bar
from scanvote.images.decode import Grey
from scanvote.pipeline.deduplicate.fingerprints import Thumbnails
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.registration import STEPS, is_small

Smooth = NDArray[np.float32]
"""(H, W) float32, grey values after a Gaussian filter."""
Affine = NDArray[np.float32]
"""(2, 3) float32, maps each pixel into the other image."""

SIGMA = 1.0
"""Standard deviation of the Gaussian filter, in pixels of 64."""
EDGE = 3
"""Pixels of 64 ignored per edge, where the filter leaves the image."""
PART = 64
"""Pairs that a thread registers at once."""


def registered_correlations(thumbnails: Thumbnails, pairs: Pairs) -> NDArray[np.float64]:
    """Return `registered_correlation` of each pair, float64 (m,).

    A pair takes about 2 ms.
    """
    # threads suffice, as OpenCV releases the GIL: starting processes would outlast the work
    batches = [slice(start, start + PART) for start in range(0, len(pairs[0]), PART)]
    correlations = [np.empty(0)]
    with ThreadPoolExecutor(allowed_processors()) as pool, progress_bar("Register") as progress:
        for values in pool.map(partial(_correlations, thumbnails, pairs), batches):
            correlations.append(values)
            progress(len(correlations) - 1, len(batches))
    return np.concatenate(correlations)


def registered_correlation(one: Grey, other: Grey) -> float:
    """Return Pearson's r of two thumbnails in their overlap, after registration.

    The registration is the small affine transform that maximises the enhanced correlation
    coefficient (Evangelidis and Psarakis, IEEE TPAMI 30, 2008). r is 0 if none is found, or only
    an implausible one.
    """
    transform = _registration(_smooth(one), _smooth(other))
    if transform is None:
        return 0.0
    inside = np.zeros(one.shape, np.float32)
    inside[EDGE:-EDGE, EDGE:-EDGE] = 1
    overlap = (_warped(inside, transform, cv2.INTER_LINEAR) > 1 - 1e-3) & (inside > 0)
    # filtered after the transform: before it, a magnified image would end up smoother
    warped = _smooth(_warped(other.astype(np.float32), transform, cv2.INTER_CUBIC))[overlap]
    fixed = _smooth(one)[overlap]
    if min(fixed.std(), warped.std()) == 0:
        return 0.0
    return float(np.corrcoef(fixed, warped)[0, 1])


def _registration(one: Smooth, other: Smooth) -> Affine | None:
    # without the edge, where the filter lacked the pixels that were cut away
    template = np.ascontiguousarray(one[EDGE:-EDGE, EDGE:-EDGE])
    transform = np.array([[1, 0, EDGE], [0, 1, EDGE]], np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, 1e-4)
    full_mask = np.full(other.shape, 255, np.uint8)
    try:
        found = cv2.findTransformECC(
            template, other, transform, cv2.MOTION_AFFINE, criteria, full_mask, 1
        )[1]
    except cv2.error:  # it does not converge, or one image is constant
        return None
    full_transform = np.array(found, np.float32)
    # from coordinates of the template to those of the whole image
    full_transform[:, 2] -= full_transform[:, :2].sum(axis=1) * EDGE
    return full_transform if is_small(full_transform.astype(np.float64), len(one)) else None


def _smooth(image: Grey | Smooth) -> Smooth:
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32), (0, 0), SIGMA), np.float32)


def _warped(image: Smooth, transform: Affine, interpolation: int) -> Smooth:
    flags = interpolation | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(
        image, transform, image.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.float32)


def _correlations(thumbnails: Thumbnails, pairs: Pairs, batch: slice) -> NDArray[np.float64]:
    both = zip(pairs[0][batch], pairs[1][batch], strict=True)
    return np.array([registered_correlation(thumbnails[i], thumbnails[j]) for i, j in both])
