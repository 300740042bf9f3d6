"""Smooth randomness: a sum of plane waves, evaluated only where it is needed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def sum_of_waves(one: Floats, other: Floats) -> Floats:
    """Matrix product with the same bits everywhere.

    Which kernel BLAS picks, by processor and environment, decides the last bit of a
    float32 product, but not that of a float64 one rounded to float32.
    """
    exact: Floats = (one.astype(np.float64) @ other.astype(np.float64)).astype(np.float32)
    return exact


@dataclass(frozen=True)
class SmoothNoise:
    """A smooth random field over 3D space.

    It replaces a grid of control points: nothing is stored or interpolated, so a
    slice costs as much as its pixels and neighbouring slices fit together.

    Attributes:
        vectors: (3, waves) wave vectors, radians per mm.
        phases: (waves,) radians.
        amplitudes: (waves, components).
    """

    vectors: Floats
    phases: Floats
    amplitudes: Floats

    def __call__(self, points: Floats) -> Floats:
        """Field at `points` (n, 3) mm: (n, components) float32."""
        return sum_of_waves(
            np.sin(sum_of_waves(points, self.vectors) + self.phases), self.amplitudes
        )


def smooth_noise(
    rng: np.random.Generator, length: float, deviation: float, components: int = 1, count: int = 16
) -> SmoothNoise:
    """Draw a field of about `length` mm wave length and the given standard deviation."""
    directions = rng.normal(size=(3, count))
    directions /= np.linalg.norm(directions, axis=0)
    speeds = 2 * np.pi / (length * rng.uniform(0.7, 1.5, count))
    amplitudes = rng.normal(size=(count, components)) * deviation * np.sqrt(2 / count)
    return SmoothNoise(
        (directions * speeds).astype(np.float32),
        rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        amplitudes.astype(np.float32),
    )


def step(values: NDArray[np.floating], width: float) -> Floats:
    """A soft edge: 0 for `values` well below zero, 1 well above, `width` wide."""
    ramp: Floats = np.clip(values / width + 0.5, 0, 1).astype(np.float32)
    return ramp
