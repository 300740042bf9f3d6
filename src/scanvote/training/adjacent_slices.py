"""Slices with those beside them, as the channels of one image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.integer]


class AdjacentSlices:
    """Reads like an array (n, H, W, (2 k + 1) C): the k slices before, the slice, the k after.

    Args:
        images: uint8 (m, H, W, C), which may lie in a file.
        rows: (n, 2 k + 1), of `images`: some of them or all, in any order.
    """

    def __init__(self, images: np.ndarray, rows: Rows) -> None:
        self._images, self._rows = images, rows
        channels = images.shape[-1] * rows.shape[1]
        self.shape = (len(rows), *images.shape[1:-1], channels)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, wanted: int | Rows) -> np.ndarray:
        """uint8 (H, W, …) of one row, or (m, H, W, …) of several."""
        stack = np.moveaxis(self._images[self._rows[wanted]], -4, -2)
        return np.reshape(stack, (*stack.shape[:-2], -1))


def adjacent_rows(stacks: Sequence[object], places: Sequence[int], context: int) -> Rows:
    """int (n, 2 `context` + 1): the rows before and after each row that are of its stack.

    At an end of its stack the last one stands for what is missing.

    Args:
        stacks: what each row is of.
        places: of each row in the order of the slices, whatever the order of the rows.
        context: k.
    """
    found = np.empty((len(stacks), 2 * context + 1), int)
    members_of: dict[object, list[int]] = {}
    for row in np.argsort(places, kind="stable").tolist():
        members_of.setdefault(stacks[row], []).append(row)
    for members in members_of.values():
        near = np.arange(len(members))[:, None] + np.arange(-context, context + 1)
        found[members] = np.array(members)[np.clip(near, 0, len(members) - 1)]
    return found
