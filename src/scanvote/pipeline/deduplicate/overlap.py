"""Correlation of two thumbnails within their overlap, once one is registered to the other.

Unlike `alignment`, it is strict enough to tell a copy from a neighbouring slice: what was
cut away does not count, and both images are equally sharp.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.core.progress import progress_bar
from scanvote.images.decode import Grey
from scanvote.pipeline.deduplicate.fingerprints import Thumbnails
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.registration import STEPS, is_small

Soft = NDArray[np.float32]
"""(H, W) float32, grey values under a Gauss filter."""
Affine = NDArray[np.float32]
"""(2, 3) float32: where in the other image each pixel lies."""

SOFT = 1.0
"""Standard deviation of the Gauss filter, in pixels of 64."""
EDGE = 3
"""Pixels of 64 at each edge that are not compared: the filter reaches beyond the image."""
PART = 64
"""Pairs that a thread registers at a time."""


def registered_correlations(thumbnails: Thumbnails, pairs: Pairs) -> NDArray[np.float64]:
    """`registered_correlation` of each pair, float64 (m,), at about 2 ms each."""
    # OpenCV lets other threads run: processes would take longer to start than to work
    parts = [slice(start, start + PART) for start in range(0, len(pairs[0]), PART)]
    found = [np.empty(0)]
    with ThreadPoolExecutor(os.cpu_count()) as pool, progress_bar("Register") as progress:
        for part in pool.map(partial(_correlations, thumbnails, pairs), parts):
            found.append(part)
            progress(len(found) - 1, len(parts))
    return np.concatenate(found)


def registered_correlation(one: Grey, other: Grey) -> float:
    """Pearson's r of two thumbnails within their overlap, after the best small affine change.

    The change is sought by maximising the enhanced correlation coefficient (Evangelidis and
    Psarakis, IEEE TPAMI 30, 2008). Returns 0 where there is none, or only an implausible one.
    """
    change = _registration(_soft(one), _soft(other))
    if change is None:
        return 0.0
    inner = np.zeros(one.shape, np.float32)
    inner[EDGE:-EDGE, EDGE:-EDGE] = 1
    overlap = (_moved(inner, change, cv2.INTER_LINEAR) > 1 - 1e-3) & (inner > 0)
    # filtered after the change: before it, a magnified image would be the smoother one
    there = _soft(_moved(other.astype(np.float32), change, cv2.INTER_CUBIC))[overlap]
    here = _soft(one)[overlap]
    if min(here.std(), there.std()) == 0:
        return 0.0
    return float(np.corrcoef(here, there)[0, 1])


def _registration(one: Soft, other: Soft) -> Affine | None:
    # the edge of the template was filtered without what was cut away
    template = np.ascontiguousarray(one[EDGE:-EDGE, EDGE:-EDGE])
    change = np.array([[1, 0, EDGE], [0, 1, EDGE]], np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, 1e-4)
    everywhere = np.full(other.shape, 255, np.uint8)
    try:
        found = cv2.findTransformECC(
            template, other, change, cv2.MOTION_AFFINE, until, everywhere, 1
        )[1]
    except cv2.error:  # it does not settle, or one of the two is constant
        return None
    whole = np.array(found, np.float32)
    whole[:, 2] -= whole[:, :2].sum(axis=1) * EDGE  # from the template to the whole image
    return whole if is_small(whole.astype(np.float64), len(one)) else None


def _soft(image: Grey | Soft) -> Soft:
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32), (0, 0), SOFT), np.float32)


def _moved(image: Soft, change: Affine, interpolation: int) -> Soft:
    flags = interpolation | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        image, change, image.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)


def _correlations(thumbnails: Thumbnails, pairs: Pairs, part: slice) -> NDArray[np.float64]:
    both = zip(pairs[0][part], pairs[1][part], strict=True)
    return np.array([registered_correlation(thumbnails[i], thumbnails[j]) for i, j in both])
