"""Hidden parts of a scan, and their effect on evidence.

Hidden parts are replaced by the same part of the blurred scan. A grey square, as in Zeiler and
Fergus, is an object of its own on the black around a head. With blurring, black stays black and
tissue stays tissue, and only structures finer than the blur are removed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.ensemble.calibration import EPSILON

Floats = NDArray[np.float64]
Hidden = NDArray[np.bool_]
"""(n, H, W): the hidden pixels of each of n variants of a scan."""

_DIGITS = 4
"""Digits of the log-odds that are meaningful with a network's float32."""


@dataclass(frozen=True)
class Perturbation:
    """Variants of a scan, and the attribution of their evidence to pixels.

    Attributes:
        hidden: (n, H, W), the hidden pixels of each variant.
        attribute: from the evidence of the variants (n,) and that of the whole scan to a map float
            (H, W), not negative.
    """

    hidden: Hidden
    attribute: Callable[[Floats, float], Floats]


def blurred(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Return the image after Gaussian blur, uint8 (H, W, C).

    `sigma` is in pixels.
    """
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8).reshape(image.shape)


def perturb(
    image: NDArray[np.uint8], neutral: NDArray[np.uint8], hidden: Hidden
) -> NDArray[np.uint8]:
    """Return variants with neutral hidden pixels, uint8 (n, H, W, C)."""
    return np.where(hidden[..., None], neutral, image)


def class_log_odds(probabilities: Floats, target: int) -> Floats:
    """Return the log-odds of a class against all others, (n,).

    A probability near 1 hardly changes, whatever is hidden; its odds do. The log-odds are rounded,
    so that a network which ignores a scan has a blank map, not a map of its noise. A vote is exact
    to `EPSILON`: if it always stays more certain than that, its map is blank as well.

    Args:
        probabilities: (n, C).
        target: the class.
    """
    others = np.delete(probabilities, target, axis=1).sum(axis=1)
    logs = np.log(np.maximum(probabilities[:, target], EPSILON))
    return np.asarray((logs - np.log(np.maximum(others, EPSILON))).round(_DIGITS))
