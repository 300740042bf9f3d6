"""Occlusion: hide a window at one position after the other.

Zeiler and Fergus 2014.
"""

import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.explain.perturbation import Floats, Hidden, Perturbation

OVERLAP = 2
"""Windows per axis that cover a pixel. Three localised lesions no better, at twice the cost."""


def occlude(shape: tuple[int, int], side: int) -> Perturbation:
    """Return a perturbation that hides windows on a grid.

    The map is the mean loss of evidence over the windows that cover a pixel; a mean gain becomes 0.

    Args:
        shape: (H, W) of the scan.
        side: of the window in pixels.
    """
    hidden = windows(shape, side)
    cover = hidden.sum(axis=0)

    def attribute(evidence: Floats, unperturbed: float) -> Floats:
        loss = np.tensordot(unperturbed - evidence, hidden, axes=1) / cover
        return np.asarray(np.maximum(loss, 0))

    return Perturbation(hidden, attribute)


def windows(shape: tuple[int, int], side: int) -> Hidden:
    """Return the windows, bool (n, H, W), which cover every pixel.

    Windows at the border are cut off there.
    """
    rows, columns = (_spans(length, side) for length in shape)
    return np.asarray((rows[:, None, :, None] & columns[None, :, None, :]).reshape(-1, *shape))


def _spans(length: int, side: int) -> NDArray[np.bool_]:
    """Return the extents of the windows along an axis, bool (spans, length).

    Each is `side` long except at the ends.
    """
    step = max(1, side // OVERLAP)
    first = np.arange(step - side, length, step)[:, None]
    at = np.arange(length)[None]
    return (at >= first) & (at < first + side)
