"""Random copies of a training scan; a mask moves with its image."""

import cv2
import numpy as np

from scanvote.params import AugmentParams


def augment(
    image: np.ndarray, mask: np.ndarray | None, bounds: AugmentParams, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Rotate, shift, zoom, flip and brighten within the bounds.

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
    ).reshape(image.shape)
    brightened = np.clip(np.rint(moved * gain), 0, 255).astype(np.uint8)
    if mask is None:
        return brightened, None
    moved_mask = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
    return brightened, moved_mask.reshape(mask.shape)


def _affine(
    height: int, width: int, bounds: AugmentParams, random: np.random.Generator
) -> np.ndarray:
    """float64 (2, 3): rotation and zoom about the centre, then shift and flip."""
    centre = ((width - 1) / 2, (height - 1) / 2)
    angle = bounds.rotation * random.uniform(-1, 1)
    scale = 1 + bounds.zoom * random.uniform(-1, 1)
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, angle, scale), float).reshape(2, 3)
    matrix[:, 2] += bounds.shift * random.uniform(-1, 1, size=2) * (width, height)
    if random.random() < 0.5 and bounds.flip:
        matrix[0] = -matrix[0] + (0, 0, width - 1)
    return matrix
