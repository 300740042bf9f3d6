"""How alike two images are once a small turn, shift, stretch or cut is undone."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Grey
from scanvote.images.hashing import Thumbnails
from scanvote.images.neighbours import Pairs
from scanvote.parallel import mapped
from scanvote.progress import progress_bar

STEPS = 40
"""Iterations after which an alignment that has not settled is taken as it is."""
BLUR = 5
"""Pixels of the Gauss filter under which two thumbnails slide into place."""
MOST_STRETCHED = 1.2
"""Stretch, and its inverse, beyond which the images are made alike, not found alike."""
FARTHEST = 10.0
"""Pixels of 64 that a corner may move."""
SOFT = 1.0
"""Standard deviation in pixels of 64 of the Gauss filter that evens out how sharp two are."""
EDGE = 3
"""Pixels of 64 at each edge that are not compared: the filter reaches beyond the image."""
PART = 64
"""Pairs that a thread aligns before the next thread's turn."""


def aligned(thumbnails: Thumbnails, pairs: Pairs, least: float) -> Pairs:
    """Those of the pairs that correlate with at least `least` when aligned.

    Args:
        thumbnails: uint8 (n, SIDE, SIDE).
        pairs: what is aligned, at about a millisecond or a few each.
        least: the smallest correlation.
    """
    both = list(zip(thumbnails[pairs[0]], thumbnails[pairs[1]], strict=True))
    enough = np.array(mapped(partial(_alike, least), both, "Align"), np.bool_)
    return pairs[0][enough], pairs[1][enough]


def registered_correlations(thumbnails: Thumbnails, pairs: Pairs) -> NDArray[np.float64]:
    """`registered_correlation` of each of the pairs, float64 (m,), at about a millisecond each."""
    # OpenCV lets other threads run: processes would take longer to start than to align
    parts = [slice(start, start + PART) for start in range(0, len(pairs[0]), PART)]
    found = [np.empty(0)]
    with ThreadPoolExecutor(os.cpu_count()) as pool, progress_bar("Align") as progress:
        for part in pool.map(partial(_correlations, thumbnails, pairs), parts):
            found.append(part)
            progress(len(found) - 1, len(parts))
    return np.concatenate(found)


def registered_correlation(one: Grey, other: Grey) -> float:
    """Pearson's r of two aligned thumbnails within their overlap, apart from its edge.

    Stricter than `aligned_correlation`: the images are hardly blurred, and what lies at the
    margins, where one was cut, does not count. It is 0 where they cannot be aligned.
    """
    _, change = _alignment(one, other)
    if change is None:
        return 0.0
    inner = np.zeros(one.shape, np.float32)
    inner[EDGE:-EDGE, EDGE:-EDGE] = 1
    overlap = (_moved(inner, change) > 1 - 1e-3) & (inner > 0)
    here, there = _soft(one)[overlap], _moved(_soft(other), change)[overlap]
    if min(here.std(), there.std()) == 0:
        return 0.0
    return float(np.corrcoef(here, there)[0, 1])


def aligned_correlation(one: Grey, other: Grey) -> float:
    """Pearson's r of two thumbnails where they overlap, after the best small affine change.

    The change is sought by maximising the enhanced correlation coefficient (Evangelidis and
    Psarakis, IEEE TPAMI 30, 2008). It is 0 where none is found, or only an implausible one.
    """
    return _alignment(one, other)[0]


def _alignment(one: Grey, other: Grey) -> tuple[float, np.ndarray | None]:
    """The correlation under a blur and the affine change, (2, 3) float32; or 0 and none."""
    change = np.eye(2, 3, dtype=np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, 1e-4)
    everywhere = np.full_like(other, 255)
    try:
        value, found = cv2.findTransformECC(
            one, other, change, cv2.MOTION_AFFINE, until, everywhere, BLUR
        )
    except cv2.error:  # it does not settle, or one of the two is constant
        return 0.0, None
    if not _small(np.asarray(found, np.float64), len(one)):
        return 0.0, None
    return float(value), np.asarray(found, np.float32)


def _small(change: np.ndarray, side: int) -> bool:
    stretches = np.linalg.svd(change[:, :2], compute_uv=False)
    corners = np.array([[0, 0, 1], [0, side, 1], [side, 0, 1], [side, side, 1]], np.float64)
    moved = np.abs(corners @ change.T - corners[:, :2]).max()
    mild = stretches.max() <= MOST_STRETCHED and stretches.min() >= 1 / MOST_STRETCHED
    return bool(mild and moved <= FARTHEST)


def _soft(image: Grey) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32), (0, 0), SOFT), np.float32)


def _moved(image: NDArray[np.float32], change: np.ndarray) -> NDArray[np.float32]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(image, change, image.shape[::-1], flags=flags)
    return np.asarray(moved, np.float32)


def _correlations(thumbnails: Thumbnails, pairs: Pairs, part: slice) -> NDArray[np.float64]:
    both = zip(pairs[0][part], pairs[1][part], strict=True)
    return np.array([registered_correlation(thumbnails[i], thumbnails[j]) for i, j in both])


def _alike(least: float, pair: tuple[Grey, Grey]) -> bool:
    return aligned_correlation(*pair) >= least
