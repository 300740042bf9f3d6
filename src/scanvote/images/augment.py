"""Random copies of a training scan; a mask moves with its image.

The changes are those that published work on these data sets lists: rotation, shift, shear,
zoom, flips, exposure. All that move pixels are one affine matrix, which OpenCV applies
once: an image is interpolated once and not once a change, its mask by the same matrix.
This was measured against the random layers of Keras and its ImageDataGenerator, and is the
faster one of the three (benchmarks/README.md); it also needs no TensorFlow, and a copy
depends on its scan alone, not on the batch it stands in.
"""

import cv2
import numpy as np

from scanvote.params import AugmentParams


def augment(
    image: np.ndarray, mask: np.ndarray | None, bounds: AugmentParams, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Rotate, shift, shear, zoom, flip and brighten within the bounds.

    Args:
        image: uint8 (H, W, C).
        mask: uint8 (H, W), 0 or 1, or None.
        bounds: the largest change of each kind, either way.
        random: where the changes are drawn from.

    Returns:
        The image and the mask, of the shapes and dtypes given. What moves in
        from outside is the border's colour in the image, and empty in the mask.
    """
    height, width = image.shape[:2]
    matrix = _affine(height, width, bounds, random)
    gain = 1 + bounds.brightness * random.uniform(-1, 1)
    moved = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    table = np.clip(np.rint(np.arange(256) * gain), 0, 255).astype(np.uint8)
    brightened = np.reshape(cv2.LUT(moved, table), image.shape)
    if mask is None:
        return brightened, None
    moved_mask = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
    return brightened, moved_mask.reshape(mask.shape)


def _affine(
    height: int, width: int, bounds: AugmentParams, random: np.random.Generator
) -> np.ndarray:
    """float64 (2, 3): from the shear to the flips about the centre, then the shift.

    Every change is drawn, also one that is bounded by 0: no bound changes what another
    one draws.
    """
    turn, grow, slant, right, down = random.uniform(-1, 1, size=5)
    mirrored = random.random(2) < 0.5
    linear = (
        _flips(bounds, mirrored)
        @ _rotation(np.deg2rad(bounds.rotation * turn))
        @ np.array([[1, np.tan(np.deg2rad(bounds.shear * slant))], [0, 1]])
        * (1 + bounds.zoom * grow)
    )
    centre = np.array([width - 1, height - 1]) / 2
    shift = bounds.shift * np.array([right * width, down * height])
    return np.column_stack([linear, centre + shift - linear @ centre])


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _flips(bounds: AugmentParams, mirrored: np.ndarray) -> np.ndarray:
    """Mirrors the axes that may be mirrored, of those that were drawn."""
    allowed = (bounds.flip in ("horizontal", "both"), bounds.flip in ("vertical", "both"))
    return np.diag(np.where(np.logical_and(allowed, mirrored), -1.0, 1.0))
