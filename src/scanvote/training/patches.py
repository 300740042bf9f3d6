"""Square patches of the slices, to train on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Patches:
    """Where patches are cut out.

    Attributes:
        side: height and width in pixels.
        on_tumour: share of the slices with a tumour whose patch holds part of it. All other
            patches may lie anywhere in the slice.
    """

    side: int
    on_tumour: float

    def cut(
        self, image: np.ndarray, mask: np.ndarray, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut the same patch out of an image (H, W, C) and its mask (H, W, 1)."""
        place = self._corner(mask[..., 0], random)
        rows, columns = (slice(first, first + self.side) for first in place)
        return image[rows, columns], mask[rows, columns]

    def _corner(self, mask: np.ndarray, random: np.random.Generator) -> NDArray[np.integer]:
        """Draw the upper left corner of a patch."""
        last = np.array(mask.shape) - self.side
        chosen, corner = random.random() < self.on_tumour, random.integers(0, last + 1)
        pixels = np.argwhere(mask)
        if not chosen or not len(pixels):
            return corner
        held = random.choice(pixels)
        # where the pixel lies in the patch: not at its rim, where the network sees one side only
        offset = random.integers(self.side // 4, self.side - self.side // 4, 2)
        return np.asarray(np.clip(held - offset, 0, last))
