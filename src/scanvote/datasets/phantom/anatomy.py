"""The brain template of nilearn, the head around it, and their sampling.

Coordinates are MNI millimetres: x to the right, y to the front, z to the top.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import ndimage

from scanvote.datasets.phantom.head import head_tissues
from scanvote.datasets.phantom.noise import Floats

TEMPLATE = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
CROP = slice(24, 173), slice(25, 210), slice(0, 158)


@dataclass(frozen=True)
class TemplateVolume:
    """Channels on a regular grid.

    Attributes:
        values: float32 of shape (x, y, z, channels).
        origin: (3,) mm of the first voxel.
        spacing: mm between voxels.
    """

    values: Floats
    origin: Floats
    spacing: float

    def at(self, points: Floats) -> Floats:
        """Return trilinear samples (n, channels) at `points` (n, 3) mm.

        Points outside have the values of the edge. All channels share one set of weights, which
        `map_coordinates` cannot do.
        """
        shape = self.values.shape
        last = np.array(shape[:3], np.float32) - 1.001
        index = np.clip((points - self.origin) / self.spacing, 0, last).astype(np.float32)
        low = index.astype(np.int32)
        high = (index - low).astype(np.float32)
        weights = np.stack([1 - high, high])
        strides = np.array([shape[1] * shape[2], shape[2], 1], np.int32)
        flat, start = self.values.reshape(-1, shape[3]), low @ strides
        total = np.zeros((len(points), shape[3]), np.float32)
        sampled = np.empty_like(total)
        for corner in np.ndindex(2, 2, 2):
            weight = weights[corner[0], :, 0] * weights[corner[1], :, 1] * weights[corner[2], :, 2]
            # all indices are valid; with mode="clip" numpy writes to `out` without a buffer
            flat.take(start + int(strides @ corner), axis=0, out=sampled, mode="clip")
            sampled *= weight[:, None]
            total += sampled
        return total


@dataclass(frozen=True)
class Anatomy:
    """The undeformed anatomy, common to all patients.

    Attributes:
        brain: T1, grey matter, white matter, each 0 to 1; 1 mm.
        head: the channels of `head.CHANNELS`; 2 mm.
        white: (n, 3) mm, points deep in white matter, where gliomas start.
        dura: (n, 3) mm, points on the inner side of the vault, where meningiomas start.
    """

    brain: TemplateVolume
    head: TemplateVolume
    white: Floats
    dura: Floats


@lru_cache(maxsize=1)
def anatomy() -> Anatomy:
    """Read the templates and build the head.

    This takes about two seconds, once per process.
    """
    brain = _brain()
    head = TemplateVolume(*head_tissues(brain.values[..., 0], brain.origin), spacing=2.0)
    hull, points = head.values[..., 0].ravel(), _grid_points(head)
    matter = brain.at(points)
    x, y, z = points.T
    white = (matter[:, 2] > 0.85) & (hull < -9) & (np.abs(x) > 14) & (z > -8) & (z < 46)
    vault = (np.abs(hull) < 1.5) & (z > -14 + 0.15 * y) & (z < 62) & (np.abs(y + 15) < 82)
    return Anatomy(brain, head, points[white], points[vault])


def _grid_points(volume: TemplateVolume) -> Floats:
    grid = np.indices(volume.values.shape[:3]).reshape(3, -1).T
    points: Floats = (grid * volume.spacing + volume.origin).astype(np.float32)
    return points


def _brain() -> TemplateVolume:
    import nibabel

    paths = [_folder() / TEMPLATE.format(name) for name in ("t1", "gm", "wm")]
    images = [nibabel.Nifti1Image.from_filename(path) for path in paths]
    # cropped to the brain; contiguous, or every sample would copy the whole volume
    cropped = [np.asarray(image.dataobj)[CROP] for image in images]
    values = np.ascontiguousarray(np.stack(cropped, -1), np.float32) / np.float32(255)
    # the template is a mean of many heads: sharpened, its folds look like those of one
    t1 = values[..., 0]
    values[..., 0] = np.where(t1 > 0, t1 + 0.9 * (t1 - ndimage.gaussian_filter(t1, 1.5)), 0)
    first = np.array([part.start for part in CROP], np.float32)
    affine = np.asarray(images[0].affine, np.float32)
    origin: Floats = (affine[:3, 3] + first).astype(np.float32)
    return TemplateVolume(values, origin, 1.0)


def _folder() -> Path:
    # located without an import, which takes seconds
    spec = find_spec("nilearn")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "data"
