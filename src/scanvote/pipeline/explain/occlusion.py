"""Occlusion: hide a window at one place after the other. Zeiler and Fergus 2014."""

import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.explain.perturbation import Floats, Hidden, Perturbation

OVERLAP = 2
"""Windows side by side that cover a pixel. Three found lesions no better, at twice the cost."""


def occlude(shape: tuple[int, int], side: int) -> Perturbation:
    """A square window at every place of a regular grid.

    The map is the mean, over the windows that cover a pixel, of the evidence that is lost
    with them; where more is won than lost it is 0.

    Args:
        shape: (H, W) of the scan.
        side: of the window in pixels.
    """
    hidden = windows(shape, side)
    cover = hidden.sum(axis=0)

    def attribute(found: Floats, whole: float) -> Floats:
        lost = np.tensordot(whole - found, hidden, axes=1) / cover
        return np.asarray(np.maximum(lost, 0))

    return Perturbation(hidden, attribute)


def windows(shape: tuple[int, int], side: int) -> Hidden:
    """bool (n, H, W), every pixel in at least one; those at the border are cut off there."""
    rows, columns = (_spans(length, side) for length in shape)
    return np.asarray((rows[:, None, :, None] & columns[None, :, None, :]).reshape(-1, *shape))


def _spans(length: int, side: int) -> NDArray[np.bool_]:
    """bool (spans, length), each `side` long but for those at the ends."""
    step = max(1, side // OVERLAP)
    first = np.arange(step - side, length, step)[:, None]
    at = np.arange(length)[None]
    return (at >= first) & (at < first + side)
