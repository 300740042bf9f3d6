"""Random copies of a training scan; a mask moves with its image.

The changes are those that published work on these data sets lists: rotation, shift, shear,
zoom, flips, exposure, and contrast and gamma beside them. All that move pixels are one affine
matrix, which OpenCV applies once: an image is interpolated once and not once a change, its mask
by the same matrix.
This was measured against the random layers of Keras and its ImageDataGenerator, and is the
faster one of the three (benchmarks/README.md); it also needs no TensorFlow, and a copy
depends on its scan alone, not on the batch it stands in.
"""

import cv2
import numpy as np

from scanvote.params import AugmentParams

_AT_ONCE = 4
"""Channels that OpenCV moves in one call, at the most."""
_CONTRASTS = 3
"""Channels of a slice that has several."""


def augment(
    image: np.ndarray, mask: np.ndarray | None, bounds: AugmentParams, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Rotate, shift, shear, zoom and flip, and change the intensities, within the bounds.

    Args:
        image: uint8 (H, W, C); more than one slice may lie along C.
        mask: uint8 (H, W), 0 or 1, or None.
        bounds: the largest change of each kind, either way.
        random: where the changes are drawn from.

    Returns:
        The image and the mask, of the shapes and dtypes given. What moves in
        from outside is the border's colour in the image, and empty in the mask.
    """
    height, width = image.shape[:2]
    matrix = _affine(height, width, bounds, random)
    moved = np.concatenate(
        [
            _moved(image[..., first : first + _AT_ONCE], matrix)
            for first in range(0, image.shape[2], _AT_ONCE)
        ],
        axis=2,
    )
    changed = np.reshape(_shaded(moved, bounds, random), image.shape)
    if mask is None:
        return changed, None
    moved_mask = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
    return changed, moved_mask.reshape(mask.shape)


def _moved(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    height, width, channels = image.shape
    moved = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.reshape(moved, (height, width, channels))


def _shaded(image: np.ndarray, bounds: AugmentParams, random: np.random.Generator) -> np.ndarray:
    """uint8 as given, its intensities changed; those of slices along C alike."""
    if not bounds.per_channel or image.shape[2] % _CONTRASTS:
        return np.asarray(cv2.LUT(image, _intensities(image, bounds, random)))
    shaded = np.empty_like(image)
    for at in range(_CONTRASTS):
        own = np.ascontiguousarray(image[..., at::_CONTRASTS])
        changed = cv2.LUT(own, _intensities(own, bounds, random))
        shaded[..., at::_CONTRASTS] = np.reshape(changed, own.shape)
    return shaded


def _intensities(
    image: np.ndarray, bounds: AugmentParams, random: np.random.Generator
) -> np.ndarray:
    """uint8 (256,), what each intensity becomes: brighter, about the mean apart, bent."""
    bright, apart, bent = random.uniform(-1, 1, size=3)
    levels = np.arange(256) * (1 + bounds.brightness * bright)
    if bounds.contrast:
        mean = image.mean()
        levels = mean + (levels - mean) * (1 + bounds.contrast * apart)
    if bounds.gamma:
        levels = 255 * (np.clip(levels, 0, 255) / 255) ** np.exp(bounds.gamma * bent)
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


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
