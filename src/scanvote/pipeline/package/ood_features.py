"""A few numbers of how a scan looks, from which it cannot be drawn again."""

import numpy as np
from numpy.typing import NDArray

BINS = 8
"""Of the histogram of the grey values."""
NUMBERS = BINS + 12
"""Of a scan."""
_LEAST = 1e-6
"""Of what is divided by: a scan may be blank."""
_DIGITS = 9

Grey = NDArray[np.float64]
"""(n, H, W), 0…1; in double precision, so that no sum hangs on how many scans there are."""


def intensity_statistics(scans: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, `NUMBERS`) of scans (n, H, W, C).

    The square roots of the histogram's shares, mean and spread; how much neighbours differ, down
    and across; mean and spread at the rim; how like the scan is to its mirror image and to itself
    upside down; where its light lies, and how far it is spread, down and across.
    """
    grey = scans.mean(axis=-1) / 255
    mean, spread = grey.mean(axis=(1, 2)), grey.std(axis=(1, 2))
    down, across = (np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))
    rim = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    numbers = [
        *_shares(grey),
        *(mean, spread, down, across, rim.mean(axis=1), rim.std(axis=1)),
        *(_alike(grey, grey[:, :, ::-1]), _alike(grey, grey[:, ::-1])),
        *(*_place(grey.sum(axis=2)), *_place(grey.sum(axis=1))),
    ]
    # what the last digits of a sum leave of nothing is nothing
    return np.stack(numbers, axis=1).round(_DIGITS).astype(np.float32)


def _shares(grey: Grey) -> list[NDArray[np.float64]]:
    bins = np.minimum((grey * BINS).astype(np.int64), BINS - 1)
    return [np.sqrt((bins == at).mean(axis=(1, 2))) for at in range(BINS)]


def _alike(one: Grey, other: Grey) -> NDArray[np.float64]:
    """(n,), the correlation of the pixels; 0 of a blank scan."""
    first, second = (each - each.mean(axis=(1, 2), keepdims=True) for each in (one, other))
    size = np.sqrt((first**2).sum(axis=(1, 2)) * (second**2).sum(axis=(1, 2)))
    return np.asarray((first * second).sum(axis=(1, 2)) / np.maximum(size, _LEAST))


def _place(light: Grey) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and spread (n,) of the light (n, length) along an axis from -1 to 1."""
    weights = light / np.maximum(light.sum(axis=1, keepdims=True), _LEAST)
    at = np.linspace(-1, 1, light.shape[1])
    centre = weights @ at
    return centre, np.sqrt((weights * (at - centre[:, None]) ** 2).sum(axis=1))
