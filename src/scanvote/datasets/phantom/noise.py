"""Smooth random fields: sums of plane waves, evaluated only at given points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def matrix_product(left: Floats, right: Floats) -> Floats:
    """Matrix product with the same bits on every machine.

    BLAS chooses its kernel by processor and environment. The choice changes the last bit of a
    float32 product, but not of a float64 product rounded to float32.
    """
    exact: Floats = (left.astype(np.float64) @ right.astype(np.float64)).astype(np.float32)
    return exact


@dataclass(frozen=True)
class SmoothNoise:
    """A smooth random field over 3D space.

    It replaces a grid of control points: nothing is stored or interpolated, so the cost of a
    slice is that of its pixels, and neighbouring slices fit together.

    Attributes:
        vectors: (3, waves) wave vectors, radians per mm.
        phases: (waves,) radians.
        amplitudes: (waves, components).
    """

    vectors: Floats
    phases: Floats
    amplitudes: Floats

    def __call__(self, points: Floats) -> Floats:
        """Return the field (n, components) float32 at `points` (n, 3) mm."""
        return matrix_product(
            np.sin(matrix_product(points, self.vectors) + self.phases), self.amplitudes
        )


def smooth_noise(
    rng: np.random.Generator, length: float, deviation: float, components: int = 1, count: int = 16
) -> SmoothNoise:
    """Draw a field of about `length` mm wavelength and standard deviation `deviation`."""
    directions = rng.normal(size=(3, count))
    directions /= np.linalg.norm(directions, axis=0)
    wave_numbers = 2 * np.pi / (length * rng.uniform(0.7, 1.5, count))
    amplitudes = rng.normal(size=(count, components)) * deviation * np.sqrt(2 / count)
    return SmoothNoise(
        (directions * wave_numbers).astype(np.float32),
        rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        amplitudes.astype(np.float32),
    )


def step(values: NDArray[np.floating], width: float) -> Floats:
    """Return a soft step at zero, from 0 to 1, `width` wide."""
    ramp: Floats = np.clip(values / width + 0.5, 0, 1).astype(np.float32)
    return ramp
