"""Hiding parts of a scan, and what that does to the evidence for a class.

What is hidden is replaced by the same part of the blurred scan. A grey square, as Zeiler and
Fergus put it there, is an object of its own on the black around a head; blurred, black stays
black and tissue stays tissue, and only what is finer than the blur is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.ensemble.calibration import EPSILON

Floats = NDArray[np.float64]
Hidden = NDArray[np.bool_]
"""(n, H, W): what each of n variants of a scan hides."""

_DIGITS = 4
"""Of the log-odds that a network's float32 tells."""


@dataclass(frozen=True)
class Perturbation:
    """Variants of a scan, and what their evidence says of its pixels.

    Attributes:
        hidden: (n, H, W), what each variant hides.
        attribute: from the evidence of the variants (n,) and that of the whole scan to a map
            float (H, W), not negative.
    """

    hidden: Hidden
    attribute: Callable[[Floats, float], Floats]


def blurred(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """uint8 (H, W, C) behind a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8).reshape(image.shape)


def perturb(
    image: NDArray[np.uint8], neutral: NDArray[np.uint8], hidden: Hidden
) -> NDArray[np.uint8]:
    """uint8 (n, H, W, C): the image, and where it is hidden the neutral one."""
    return np.where(hidden[..., None], neutral, image)


def class_log_odds(probabilities: Floats, target: int) -> Floats:
    """Log-odds of a class against all others, (n,), of probabilities (n, C).

    A probability of nearly 1 hardly moves, whatever is hidden; its odds do. They are rounded,
    so that a network which does not look at a scan has a blank map, not one of its noise.
    A vote counts to the digits of `EPSILON`: where it stays surer, it is blank as well.
    """
    others = np.delete(probabilities, target, axis=1).sum(axis=1)
    found = np.log(np.maximum(probabilities[:, target], EPSILON))
    return np.asarray((found - np.log(np.maximum(others, EPSILON))).round(_DIGITS))
