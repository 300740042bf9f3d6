"""A volume in one orientation, whatever it was stored in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Volume:
    """Voxels in the orientation RAS+: the axes rise to the right, to the front, upwards.

    Attributes:
        voxels: real, of shape (X, Y, Z).
        spacing: of the voxels along X, Y and Z, in mm.
        affine: float64 (4, 4), from voxels to mm, to see whether a mask fits.
        path: of the file, or the first of several, for messages.
        patient: key of the patient; empty where the file tells none.
    """

    voxels: NDArray[Any]
    spacing: tuple[float, float, float]
    affine: NDArray[np.float64]
    path: Path
    patient: str = ""


def upright(
    voxels: NDArray[Any], affine: NDArray[np.float64], path: Path, patient: str = ""
) -> Volume:
    """A volume from voxels stored in any orientation.

    Args:
        voxels: of shape (I, J, K).
        affine: float64 (4, 4), from (i, j, k) to mm in RAS+.
        path, patient: as in `Volume`.
    """
    import nibabel
    from nibabel.affines import voxel_sizes

    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels, affine))
    spacing = voxel_sizes(turned.affine)
    x, y, z = (float(side) if side > 0 else 1.0 for side in spacing)
    return Volume(np.asarray(turned.dataobj), (x, y, z), turned.affine, path, patient)
