"""Intensity statistics of a scan, from which it cannot be reconstructed."""

import numpy as np
from numpy.typing import NDArray

BINS = 8
"""Bins of the histogram of grey values."""
NUMBERS = BINS + 12
"""Number of statistics of a scan."""
_EPSILON = 1e-6
"""Lower bound of denominators: a scan may be blank."""
_DIGITS = 9

Grey = NDArray[np.float64]
"""(n, H, W), 0…1, in double precision, so that sums do not depend on the number of scans."""


def intensity_statistics(scans: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return statistics (n, `NUMBERS`) of scans (n, H, W, C).

    They are the square roots of the histogram's shares; mean and spread; the mean difference of
    neighbouring pixels, vertically and horizontally; mean and spread at the rim; the correlation
    with the mirror image and with the scan upside down; centre and spread of the brightness,
    vertically and horizontally.
    """
    grey = scans.mean(axis=-1) / 255
    mean, spread = grey.mean(axis=(1, 2)), grey.std(axis=(1, 2))
    down, across = (np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))
    rim = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    numbers = [
        *_histogram(grey),
        *(mean, spread, down, across, rim.mean(axis=1), rim.std(axis=1)),
        *(_correlation(grey, grey[:, :, ::-1]), _correlation(grey, grey[:, ::-1])),
        *(*_centre_and_spread(grey.sum(axis=2)), *_centre_and_spread(grey.sum(axis=1))),
    ]
    # rounding removes the noise in the last digits of sums that should be 0
    return np.stack(numbers, axis=1).round(_DIGITS).astype(np.float32)


def _histogram(grey: Grey) -> list[NDArray[np.float64]]:
    bins = np.minimum((grey * BINS).astype(np.int64), BINS - 1)
    return [np.sqrt((bins == at).mean(axis=(1, 2))) for at in range(BINS)]


def _correlation(one: Grey, other: Grey) -> NDArray[np.float64]:
    """Return the correlation of the pixels, (n,); 0 for a blank scan."""
    first, second = (each - each.mean(axis=(1, 2), keepdims=True) for each in (one, other))
    size = np.sqrt((first**2).sum(axis=(1, 2)) * (second**2).sum(axis=(1, 2)))
    return np.asarray((first * second).sum(axis=(1, 2)) / np.maximum(size, _EPSILON))


def _centre_and_spread(light: Grey) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centre and spread, (n,), of the brightness along an axis.

    Args:
        light: (n, length), the sums along the axis, which goes from -1 to 1.
    """
    weights = light / np.maximum(light.sum(axis=1, keepdims=True), _EPSILON)
    at = np.linspace(-1, 1, light.shape[1])
    centre = weights @ at
    return centre, np.sqrt((weights * (at - centre[:, None]) ** 2).sum(axis=1))
