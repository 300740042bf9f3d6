"""Find pictures that tell nothing of a person: blank ones and placeholders."""

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.images.decode import Grey
from scanvote.manifest import blank_scans
from scanvote.pipeline.deduplicate.fingerprints import SIDE, Thumbnails
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.naming import naming_sets
from scanvote.pipeline.deduplicate.pairs import component_members, connected_components

Rows = NDArray[np.bool_]
"""(n,) bool, one per scan."""

STROKE = 5
"""Side in pixels of 64 of the median filter that removes noise and thin letters."""
LEVELS = 5
"""Grey levels of 255 within which a pixel counts as of the background."""
EDGE, CENTRE = 4, 12
"""Pixels of 64 per side that a frame may cover, and where the centre begins."""
IN_CENTRE, IN_MARGIN = 0.005, 0.25
"""Largest shares of other pixels, in the centre and between it and the edge.

Measured on the archives at hand: of the 816 slices of the LGG set 25 count, above the head, with
noise and ghosts alone; the next has a tip of 1.6 % of the centre. Of the other sets' 8,339
scans none has less than 12 %. Burnt-in letters at a margin cover up to 0.16 of it.
"""
BLOCKS = (SIDE - 2 * CENTRE) // 4
"""Blocks of 4 pixels along a side of the centre."""
NEARLY_EQUAL = 0.998
"""Smallest correlation of two files of one placeholder; two patients' LGG scans: 0.991."""
MANY = 3
"""Known, different patients from which on one picture is a placeholder."""


def nearly_constant(thumbnails: Thumbnails) -> Rows:
    """Return which images are of one value, but for noise, a frame or letters.

    Args:
        thumbnails: uint8 (n, 64, 64).
    """
    found = np.zeros(len(thumbnails), np.bool_)
    for row in np.flatnonzero(_may_be_flat(thumbnails)):
        found[row] = _is_flat(thumbnails[row])
    return found


def placeholders(frame: pd.DataFrame, equal: Pairs) -> Rows:
    """Return which scans show a picture that many known patients share.

    No scan is of `MANY` people, so such a picture ("no image available") is of none.

    Args:
        frame: the manifest.
        equal: pairs of scans with equal bytes or nearly equal pixels.
    """
    found = np.zeros(len(frame), np.bool_)
    patients, sets = frame["patient"].tolist(), naming_sets(frame)
    for members in component_members(connected_components(len(frame), equal)):
        if _most_patients([(sets[row], patients[row]) for row in members]) >= MANY:
            found[members] = True
    return found


def with_blank(frame: pd.DataFrame, blank: Rows) -> pd.DataFrame:
    """Mark more scans in the column `blank`, which is added only if any is."""
    return frame.assign(blank=blank_scans(frame) | blank) if blank.any() else frame


def _may_be_flat(thumbnails: Thumbnails) -> Rows:
    """Return which centres hardly vary, by the quartiles of their blocks; spares the others."""
    centre = thumbnails[:, CENTRE:-CENTRE, CENTRE:-CENTRE]
    blocks = centre.reshape(len(centre), BLOCKS, 4, BLOCKS, 4).mean(axis=(2, 4), dtype=np.float32)
    low, high = BLOCKS**2 // 4, BLOCKS**2 - BLOCKS**2 // 4
    blocks = np.partition(blocks.reshape(len(centre), BLOCKS**2), (low, high), axis=1)
    return np.asarray(blocks[:, high] - blocks[:, low] <= 3 * LEVELS, np.bool_)


def _is_flat(thumbnail: Grey) -> bool:
    smooth = cv2.medianBlur(thumbnail, STROKE).astype(np.int16)
    level = np.median(smooth[CENTRE:-CENTRE, CENTRE:-CENTRE])
    other = np.abs(smooth - level) > LEVELS
    centre = other[CENTRE:-CENTRE, CENTRE:-CENTRE]
    inside = other[EDGE:-EDGE, EDGE:-EDGE]
    in_margin = (inside.sum() - centre.sum()) / (inside.size - centre.size)
    return bool(centre.mean() <= IN_CENTRE and in_margin <= IN_MARGIN)


def _most_patients(named: Sequence[tuple[str, str]]) -> int:
    """Return the largest number of patients that one data set names."""
    names = {(source, patient) for source, patient in named if patient}
    counts = [sum(one == source for one, _ in names) for source in {one for one, _ in names}]
    return max(counts, default=0)
