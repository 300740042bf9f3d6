"""A volume in one orientation, whatever it was stored in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.source import Source

NARROWEST, WIDEST = 1e-6, 1e6
"""Sides of a voxel, in mm or whatever a file means by it, beyond which it is a mistake."""


@dataclass(frozen=True)
class Volume:
    """Voxels in the orientation RAS+: the axes rise to the right, to the front, upwards.

    Attributes:
        voxels: real, of shape (X, Y, Z).
        spacing: of the voxels along X, Y and Z, in mm.
        affine: float64 (4, 4), from voxels to mm, to see whether a mask fits.
        source: the file, or the first of several, for messages.
        patient: key of the patient; empty where the file tells none.
        placed: whether the file tells its orientation; a radiograph does not.
        measured: whether it tells the spacing.
    """

    voxels: NDArray[Any]
    spacing: tuple[float, float, float]
    affine: NDArray[np.float64]
    source: Source
    patient: str = ""
    placed: bool = True
    measured: bool = True


def reorient(
    voxels: NDArray[Any],
    affine: NDArray[np.float64],
    source: Source,
    patient: str = "",
    placed: bool = True,
    measured: bool = True,
) -> Volume:
    """A volume from voxels stored in any orientation.

    Args:
        voxels: of shape (I, J, K).
        affine: float64 (4, 4), from (i, j, k) to mm in RAS+.
        source, patient, placed, measured: as in `Volume`.

    Raises:
        InputError: the affine is none.
    """
    from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

    affine = np.asarray(affine, np.float64)
    with np.errstate(over="ignore"):
        sides = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    if not _spans(affine, sides):
        raise InputError(
            f"{source} tells no place of its voxels (its axes span no volume); mend it"
        )
    turn = io_orientation(affine)
    affine = affine @ inv_ornt_aff(turn, voxels.shape)
    x, y, z = (float(side) for side in np.sqrt((affine[:3, :3] ** 2).sum(axis=0)))
    turned = np.asarray(apply_orientation(voxels, turn))
    return Volume(turned, (x, y, z), affine, source, patient, placed, measured)


def _spans(affine: NDArray[np.float64], sides: NDArray[np.float64]) -> bool:
    """Whether the axes, `sides` long, lead into three directions, at a scale of this world."""
    if not np.isfinite(affine).all() or not NARROWEST < sides.min() <= sides.max() < WIDEST:
        return False
    return bool(abs(np.linalg.det(affine[:3, :3] / sides)) >= 1e-3)
