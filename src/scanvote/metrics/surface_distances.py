"""Distances between the outlines of two masks.

- `hausdorff_95`: the larger of the two 95th percentiles, from one outline to the other and back, as
  the challenges of the field report it (Bakas et al. 2018).
- `surface_dice`: the share of both outlines that lies within a tolerance of the other one (Nikolov
  et al. 2018), in pixels.

Two empty masks agree: distance 0, surface Dice 1. If only one mask is empty, every pixel of the
other outline has the diagonal of the image as its distance.
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
    """Return the border pixels of a mask, bool (H, W).

    They touch, at one of four sides, a pixel outside the mask; beyond the border of the image is
    outside.
    """
    return np.asarray(mask & ~ndimage.binary_erosion(mask))


def distances(mask: Bools, other: Bools, spacing: Spacing) -> tuple[Floats, Floats]:
    """Return distances of each outline's pixels to the other outline.

    The first array holds those from `mask` to the nearest pixel of `other`, the second the reverse.
    Args:
        mask, other: bool (H, W).
        spacing: height and width of a pixel, in the unit of the distances.
    """
    edges = outline(mask), outline(other)
    return _nearest(edges[0], edges[1], spacing), _nearest(edges[1], edges[0], spacing)


def _nearest(edge: Bools, target: Bools, spacing: Spacing) -> Floats:
    if not target.any():
        diagonal = float(np.hypot(*(np.array(edge.shape) * spacing)))
        return np.full(int(edge.sum()), diagonal)
    return np.asarray(ndimage.distance_transform_edt(~target, sampling=spacing)[edge])


def hausdorff_95(there: Floats, back: Floats) -> float:
    """Return the larger 95th percentile of the two results of `distances`.

    The results may be concatenated from many slices.
    """
    return max(
        float(np.percentile(values, PERCENTILE)) if len(values) else 0.0 for values in (there, back)
    )


def surface_dice(there: Floats, back: Floats, tolerance: float) -> float:
    """Return the share within `tolerance` of the two results of `distances`.

    `tolerance` is in their unit.
    """
    both = np.concatenate([there, back])
    return float((both <= tolerance).mean()) if len(both) else 1.0
