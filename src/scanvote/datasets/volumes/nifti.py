"""NIfTI files."""

from pathlib import Path

import numpy as np

from scanvote.datasets.volumes.volume import Volume, upright
from scanvote.errors import InputError


def read_nifti(path: Path) -> Volume:
    """The volume in a ``.nii`` or ``.nii.gz`` file; of several (4-D) the first.

    Raises:
        InputError: the file is missing, truncated, or holds no volume of real numbers.
    """
    import nibabel

    try:
        image = nibabel.load(path)
        voxels = np.asanyarray(image.dataobj)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except Exception as error:  # nibabel, gzip and numpy each have their own for a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is no whole NIfTI volume ({reason})") from None
    if voxels.ndim > 3:
        voxels = voxels.reshape(*voxels.shape[:3], -1)[..., 0]
    if voxels.ndim != 3 or not voxels.size or voxels.dtype.kind not in "biuf":
        raise InputError(
            f"{path} holds {voxels.dtype.name} of shape {voxels.shape}, no volume of real numbers"
        )
    if voxels.dtype.kind in "b" or voxels.dtype == np.float16:
        voxels = voxels.astype(np.float32)
    return upright(voxels, image.affine, path)
