"""Slices with their adjacent slices as channels, the input of 2.5D networks."""

import numpy as np
from numpy.typing import NDArray

Windows = NDArray[np.integer]
"""int (n, 2 k + 1): places of slices, in the middle the slice itself, its adjacent ones around."""


def stack_slices(slices: np.ndarray, windows: Windows) -> np.ndarray:
    """Return the slices of each window as channels, uint8 (n, H, W, (2 k + 1) C).

    They are the items of `scanvote.training.adjacent_slices.AdjacentSlices`, without its Keras.

    Args:
        slices: uint8 (m, H, W, C), may be memory-mapped.
        windows: places in `slices`.
    """
    stacks = np.moveaxis(slices[windows], 1, -2)
    return stacks.reshape(*stacks.shape[:-2], slices.shape[-1] * windows.shape[1])


def copied_windows(count: int, context: int) -> Windows:
    """Return the windows of `count` scans whose adjacent slices are unknown: copies of each."""
    return np.repeat(np.arange(count)[:, None], 2 * context + 1, axis=1)
