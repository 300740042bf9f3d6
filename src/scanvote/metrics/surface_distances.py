"""How far apart the outlines of two masks lie.

- `hausdorff_95`: the larger of the two 95th percentiles, from the one outline to the other and
  back, as the challenges of the field report it (Bakas et al. 2018).
- `surface_dice`: the share of both outlines that lies within a tolerance of the other one
  (Nikolov et al. 2018), of pixels.

Two empty masks agree: distance 0, surface Dice 1. Where only one is empty the other one's outline
counts as the diagonal of the image away.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Spacing = tuple[float, float]
"""Height and width of a pixel."""

PERCENTILE = 95


def outline(mask: Bools) -> Bools:
    """bool (H, W): the pixels of a mask that touch what is outside it, by one of four sides.

    What lies beyond the border of the image is outside.
    """
    return np.asarray(mask & ~ndimage.binary_erosion(mask))


def distances(mask: Bools, other: Bools, spacing: Spacing) -> tuple[Floats, Floats]:
    """From each pixel of an outline to the nearest one of the other outline, and back.

    Args:
        mask, other: bool (H, W).
        spacing: in the unit that the distances are wanted in.
    """
    edges = outline(mask), outline(other)
    return _to(edges[0], edges[1], spacing), _to(edges[1], edges[0], spacing)


def _to(edge: Bools, goal: Bools, spacing: Spacing) -> Floats:
    if not goal.any():
        diagonal = float(np.hypot(*(np.array(edge.shape) * spacing)))
        return np.full(int(edge.sum()), diagonal)
    return np.asarray(ndimage.distance_transform_edt(~goal, sampling=spacing)[edge])


def hausdorff_95(there: Floats, back: Floats) -> float:
    """Of the two results of `distances`, which may be of many slices one after another."""
    return max(float(np.percentile(way, PERCENTILE)) if len(way) else 0.0 for way in (there, back))


def surface_dice(there: Floats, back: Floats, tolerance: float) -> float:
    """Of the two results of `distances`; `tolerance` in their unit."""
    both = np.concatenate([there, back])
    return float((both <= tolerance).mean()) if len(both) else 1.0
