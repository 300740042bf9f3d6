"""From probabilities to a mask: what counts as tumour, chosen on validation patients."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from scanvote.metrics.segmentation import count_pixels, patient_dice
from scanvote.params import PostprocessParams

Mask = NDArray[np.bool_]
Way = TypeVar("Way", bound=Callable[[Any], Mask])
"""A dataclass that makes a mask of a slice."""


@dataclass(frozen=True)
class Postprocess:
    """A way from probabilities to a mask.

    Attributes:
        threshold: of a pixel's probability, from which it belongs to the mask.
        smallest: component of the mask that is left in, in pixels.
        largest_only: leave in no component but the largest.
        fill_holes: what the mask encloses belongs to it.
    """

    threshold: float
    smallest: int
    largest_only: bool
    fill_holes: bool

    def __call__(self, probabilities: np.ndarray) -> Mask:
        """bool (H, W) of float (H, W)."""
        mask = np.asarray(probabilities >= self.threshold)
        if not mask.any():
            return mask
        if self.fill_holes:
            mask = np.asarray(ndimage.binary_fill_holes(mask))
        return self._components(mask) if self.smallest > 1 or self.largest_only else mask

    def _components(self, mask: Mask) -> Mask:
        _, numbers, table, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        areas = table[1:, cv2.CC_STAT_AREA]
        left = areas >= self.smallest
        if self.largest_only:
            left &= np.arange(len(areas)) == areas.argmax()
        return np.asarray(np.concatenate([[False], left])[numbers])


def candidates(params: PostprocessParams) -> list[Postprocess]:
    """Every combination, in the order of params.yaml."""
    choices = (params.threshold, params.smallest, params.largest_only, params.fill_holes)
    return [Postprocess(*one) for one in product(*choices)]


def choose(
    slices: Iterable[Any],
    truths: Iterable[np.ndarray],
    patients: Sequence[str],
    ways: Sequence[Way],
) -> tuple[Way, pd.DataFrame]:
    """The way with the best mean Dice of the patients, the first of equals.

    Args:
        slices: what a way makes a mask of, such as probabilities, float (H, W).
        truths: (H, W), 0 or 1, a slice each.
        patients: whose each slice is.

    Returns:
        The best way, and a table of all with their `dice`.
    """
    counts = [
        [count_pixels(way(one), truth > 0) for way in ways]
        for one, truth in zip(slices, truths, strict=True)
    ]
    dice = patient_dice(counts, patients).mean(axis=0)
    table = pd.DataFrame([vars(way) for way in ways]).assign(dice=dice.round(6))
    return ways[int(dice.argmax())], table
