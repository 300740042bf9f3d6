"""2.5D input: a slice and its adjacent slices as channels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.integer]


class AdjacentSlices:
    """Array-like view of slices with k adjacent slices on each side.

    It reads like an array (n, H, W, (2 k + 1) C): the k slices before, the slice, the k after.

    Args:
        images: uint8 (m, H, W, C), may be memory-mapped.
        rows: (n, 2 k + 1), indices into `images`: some of them or all, in any order.
    """

    def __init__(self, images: np.ndarray, rows: Rows) -> None:
        self._images, self._rows = images, rows
        channels = images.shape[-1] * rows.shape[1]
        self.shape = (len(rows), *images.shape[1:-1], channels)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int | Rows) -> np.ndarray:
        """Return one item, uint8 (H, W, …), or several."""
        stack = np.moveaxis(self._images[self._rows[index]], -4, -2)
        return np.reshape(stack, (*stack.shape[:-2], -1))


def adjacent_rows(stacks: Sequence[object], places: Sequence[int], context: int) -> Rows:
    """Return each row's window of adjacent rows in its stack.

    The windows are int (n, 2 `context` + 1), with the row itself in the middle. At the ends of a
    stack the first or last row is repeated.

    Args:
        stacks: the stack of each row.
        places: position of each row in the order of the slices.
        context: k, the number of slices on each side.
    """
    windows = np.empty((len(stacks), 2 * context + 1), int)
    rows_of: dict[object, list[int]] = {}
    for row in np.argsort(places, kind="stable").tolist():
        rows_of.setdefault(stacks[row], []).append(row)
    for rows in rows_of.values():
        offsets = np.arange(len(rows))[:, None] + np.arange(-context, context + 1)
        windows[rows] = np.array(rows)[np.clip(offsets, 0, len(rows) - 1)]
    return windows
