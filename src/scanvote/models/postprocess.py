"""Postprocessing of probability maps to masks, chosen on validation patients."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.params import PostprocessParams

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]
MaskMaker = TypeVar("MaskMaker", bound=Callable[[Any], Mask])
"""A dataclass that turns a slice into a mask."""


@dataclass(frozen=True)
class Postprocess:
    """Settings of the postprocessing from a probability map to a mask.

    Attributes:
        threshold: minimum probability of a pixel of the mask.
        smallest: size of the smallest component to keep, in pixels.
        largest_only: keep the largest component only.
        fill_holes: fill the holes of the mask.
    """

    threshold: float
    smallest: int
    largest_only: bool
    fill_holes: bool

    def __call__(self, probabilities: np.ndarray) -> Mask:
        """Convert a probability map, float (H, W), to a mask, bool."""
        mask = np.asarray(probabilities >= self.threshold)
        if not mask.any():
            return mask
        if self.fill_holes:
            mask = _fill_holes(mask)
        return self._components(mask) if self.smallest > 1 or self.largest_only else mask

    def _components(self, mask: Mask) -> Mask:
        _, numbers, table, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        areas = table[1:, cv2.CC_STAT_AREA]
        keep = areas >= self.smallest
        if self.largest_only:
            keep &= np.arange(len(areas)) == areas.argmax()
        return np.asarray(np.concatenate([[False], keep])[numbers])


def _fill_holes(mask: Mask) -> Mask:
    """Fill what is enclosed: the background that no path between edges of pixels leads to the rim.

    `scipy.ndimage.binary_fill_holes` gives the same, and takes 0.4 s to import.
    """
    framed = cv2.copyMakeBorder((~mask).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, numbers = cv2.connectedComponents(framed, connectivity=4)
    return np.asarray(numbers[1:-1, 1:-1] != numbers[0, 0])


def candidates(params: PostprocessParams) -> list[Postprocess]:
    """List every combination of the settings, in the order of params.yaml."""
    choices = (params.threshold, params.smallest, params.largest_only, params.fill_holes)
    return [Postprocess(*one) for one in product(*choices)]


def choose(
    slices: Iterable[Any],
    truths: Iterable[np.ndarray],
    patients: Sequence[str],
    choices: Sequence[MaskMaker],
) -> "tuple[MaskMaker, pd.DataFrame]":
    """Choose the postprocessing with the best mean Dice of the patients.

    Among equals the first wins.

    Args:
        slices: inputs of the choices, such as probability maps, float (H, W).
        truths: true masks (H, W), 0 or 1, one per slice.
        patients: the patient of each slice.
        choices: the settings to compare.

    Returns:
        The best choice, and a table of all with their `dice`.
    """
    # slow to import, and prediction needs neither
    import pandas as pd

    from scanvote.metrics.segmentation import count_pixels, patient_dice

    counts = [
        [count_pixels(choice(one), truth > 0) for choice in choices]
        for one, truth in zip(slices, truths, strict=True)
    ]
    dice = patient_dice(counts, patients).mean(axis=0)
    table = pd.DataFrame([vars(one) for one in choices]).assign(dice=dice.round(6))
    return choices[int(dice.argmax())], table
