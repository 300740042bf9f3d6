"""Volumes in one common orientation, independent of the stored one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.source import Source

NARROWEST, WIDEST = 1e-6, 1e6
"""Plausible range of a voxel's side, in mm or another unit of the file."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601), as for images."""


@dataclass(frozen=True)
class Volume:
    """Voxels in RAS+: axes point to the right, to the front, upwards.

    Attributes:
        voxels: real numbers of shape (X, Y, Z), or uint8 (X, Y, Z, 3) in colour.
        spacing: size of a voxel along X, Y and Z, in mm.
        affine: float64 (4, 4), from voxels to mm; shows whether a mask fits.
        source: the file, or the first of several, for messages.
        patient: key of the patient; empty if the file names none.
        placed: whether the file gives the orientation; a radiograph does not.
        measured: whether the file gives the spacing.
        count: volumes in the file, of which this is one.
    """

    voxels: NDArray[Any]
    spacing: tuple[float, float, float]
    affine: NDArray[np.float64]
    source: Source
    patient: str = ""
    placed: bool = True
    measured: bool = True
    count: int = 1


def luminance(colours: NDArray[Any]) -> NDArray[Any]:
    """Return the grey of RGB in the last axis, rounded in the same type."""
    grey = np.empty(colours.shape[:-1], colours.dtype)
    for at, part in enumerate(colours):  # one at a time: the sum takes more bytes than they do
        grey[at] = np.rint(sum(part[..., one] * LUMINANCE[one] for one in range(3)))
    return grey


def reorient(
    voxels: NDArray[Any],
    affine: NDArray[np.float64],
    source: Source,
    patient: str = "",
    placed: bool = True,
    measured: bool = True,
) -> Volume:
    """Return a volume in RAS+ from voxels stored in any orientation.

    Args:
        voxels: of shape (I, J, K), or (I, J, K, 3) in colour.
        affine: float64 (4, 4), from (i, j, k) to mm in RAS+.
        source, patient, placed, measured: as in `Volume`.

    Raises:
        InputError: the affine spans no volume.
    """
    from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

    affine = np.asarray(affine, np.float64)
    with np.errstate(over="ignore"):
        sides = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    if not _spans_volume(affine, sides):
        raise InputError(
            f"{source} gives no position of its voxels (its axes span no volume); mend it"
        )
    orientation = io_orientation(affine)
    affine = affine @ inv_ornt_aff(orientation, voxels.shape[:3])
    x, y, z = (float(side) for side in np.sqrt((affine[:3, :3] ** 2).sum(axis=0)))
    reoriented = np.asarray(apply_orientation(voxels, orientation))
    return Volume(reoriented, (x, y, z), affine, source, patient, placed, measured)


def _spans_volume(affine: NDArray[np.float64], sides: NDArray[np.float64]) -> bool:
    """Return whether the axes, `sides` long, are independent and of plausible size."""
    if not np.isfinite(affine).all() or not NARROWEST < sides.min() <= sides.max() < WIDEST:
        return False
    return bool(abs(np.linalg.det(affine[:3, :3] / sides)) >= 1e-3)
