"""Random augmentation of a training scan and its mask.

The changes are those that published work on these data sets lists (rotation, shift, shear,
zoom, flips, exposure), and contrast, gamma and missing contrasts. All changes of position are one
affine matrix, which OpenCV applies once: an image is interpolated once, not once per change, and
its mask by the same matrix.
Measured against the random layers of Keras and its ImageDataGenerator, this is the fastest of
the three (benchmarks/README.md). It needs no TensorFlow, and a copy depends on its scan alone,
not on the batch it is in.
"""

import cv2
import numpy as np

from scanvote.params import AugmentParams

_MAX_CHANNELS = 4
"""Channels that OpenCV can move in one call."""
_CONTRASTS = 3
"""Channels of a slice that has more than one."""


def augment(
    image: np.ndarray, mask: np.ndarray | None, bounds: AugmentParams, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Move an image and its mask, and change intensities, within bounds.

    The image is rotated, shifted, sheared, zoomed and flipped, and its mask with it.

    Args:
        image: uint8 (H, W, C); more than one slice may lie along C.
        mask: uint8 (H, W), 0 or 1, or None.
        bounds: the largest change of each kind, in either direction.
        random: source of the random changes.

    Returns:
        The image and the mask, of the given shapes and dtypes. Pixels that move in
        from outside repeat the border of the image, and are empty in the mask.
    """
    height, width = image.shape[:2]
    matrix = _affine(height, width, bounds, random)
    moved = np.concatenate(
        [
            _warped(image[..., first : first + _MAX_CHANNELS], matrix)
            for first in range(0, image.shape[2], _MAX_CHANNELS)
        ],
        axis=2,
    )
    changed = np.reshape(_with_intensities(moved, bounds, random), image.shape)
    if image.shape[2] % _CONTRASTS == 0:
        changed = _with_missing(changed, bounds, random)
    if mask is None:
        return changed, None
    moved_mask = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
    return changed, moved_mask.reshape(mask.shape)


def _warped(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    height, width, channels = image.shape
    moved = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.reshape(moved, (height, width, channels))


def _with_intensities(
    image: np.ndarray, bounds: AugmentParams, random: np.random.Generator
) -> np.ndarray:
    """Change the intensities of a uint8 image, alike in all its slices."""
    if not bounds.per_channel or image.shape[2] % _CONTRASTS:
        return np.asarray(cv2.LUT(image, _intensity_table(image, bounds, random)))
    shaded = np.empty_like(image)
    for at in range(_CONTRASTS):
        own = np.ascontiguousarray(image[..., at::_CONTRASTS])
        changed = cv2.LUT(own, _intensity_table(own, bounds, random))
        shaded[..., at::_CONTRASTS] = np.reshape(changed, own.shape)
    return shaded


def _with_missing(
    image: np.ndarray, bounds: AugmentParams, random: np.random.Generator
) -> np.ndarray:
    """Replace one or two contrasts by the one that is always taken, alike in all slices.

    So do data sets in which a patient lacks a contrast, such as that of Buda et al. 2019. The three
    ways of lacking the others are equally likely.
    """
    missing, way = random.random() < bounds.missing, random.integers(3)
    if not missing:
        return image
    order = np.arange(_CONTRASTS)
    others = np.delete(order, bounds.stand_in)
    order[others[[way != 1, way != 0]]] = bounds.stand_in
    slices = np.arange(image.shape[2]).reshape(-1, _CONTRASTS)
    return np.ascontiguousarray(image[..., slices[:, order].ravel()])


def _intensity_table(
    image: np.ndarray, bounds: AugmentParams, random: np.random.Generator
) -> np.ndarray:
    """Return a lookup table uint8 (256,) of brightness, contrast and gamma."""
    brightness, contrast, gamma = random.uniform(-1, 1, size=3)
    levels = np.arange(256) * (1 + bounds.brightness * brightness)
    if bounds.contrast:
        mean = image.mean()
        levels = mean + (levels - mean) * (1 + bounds.contrast * contrast)
    if bounds.gamma:
        levels = 255 * (np.clip(levels, 0, 255) / 255) ** np.exp(bounds.gamma * gamma)
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


def _affine(
    height: int, width: int, bounds: AugmentParams, random: np.random.Generator
) -> np.ndarray:
    """Return the matrix of all changes of position, float64 (2, 3).

    It applies shear, rotation, zoom and flips about the centre, then the shift. Every change is
    drawn, even if its bound is 0, so that no bound affects the draws of the others.
    """
    turn, zoom, shear, right, down = random.uniform(-1, 1, size=5)
    flipped = random.random(2) < 0.5
    linear = (
        _flips(bounds, flipped)
        @ _rotation(np.deg2rad(bounds.rotation * turn))
        @ np.array([[1, np.tan(np.deg2rad(bounds.shear * shear))], [0, 1]])
        * (1 + bounds.zoom * zoom)
    )
    centre = np.array([width - 1, height - 1]) / 2
    shift = bounds.shift * np.array([right * width, down * height])
    return np.column_stack([linear, centre + shift - linear @ centre])


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _flips(bounds: AugmentParams, flipped: np.ndarray) -> np.ndarray:
    """Return the matrix (2, 2) that flips the drawn axes, if allowed."""
    allowed = (bounds.flip in ("horizontal", "both"), bounds.flip in ("vertical", "both"))
    return np.diag(np.where(np.logical_and(allowed, flipped), -1.0, 1.0))
