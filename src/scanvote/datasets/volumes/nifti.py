"""NIfTI files."""

from pathlib import Path

import numpy as np

from scanvote.datasets.volumes.volume import Volume, upright
from scanvote.errors import InputError


def read_nifti(path: Path) -> Volume:
    """The volume in a ``.nii`` or ``.nii.gz`` file; of several (4-D) the first.

    Raises:
        InputError: the file is missing, truncated, holds no volume of real numbers, or
            does not tell where its voxels lie.
    """
    import nibabel

    try:
        image = nibabel.load(path)
        stored = image.dataobj
        beyond = (0,) * (stored.ndim - 3)
        voxels = np.asanyarray(stored[(..., *beyond)] if beyond else stored)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except Exception as error:  # nibabel, gzip and numpy each have their own for a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is no whole NIfTI volume ({reason})") from None
    if voxels.ndim != 3 or not voxels.size or voxels.dtype.kind not in "biuf":
        raise InputError(
            f"{path} holds {voxels.dtype.name} of shape {voxels.shape}, no volume of real numbers"
        )
    return upright(voxels, image.affine, path)
