"""Count the values in the masks of a set, in memory that does not grow with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

DISTINCT = 256
"""Maximum of different values that are counted one by one."""
BINS = 1024
"""Bins of the values on which soft masks lie flat."""
SOFT = 0.1
"""Share of the changes that are gradual, above which a mask has values between its levels."""
NOISE = 0.45
"""Share of the uneven pixels that are local extremes, above which values went through JPEG."""
NOISY_RANGE = 0.15
"""Share of the peak within which a neighbourhood is flat where JPEG changed the values."""
TRACE = 1e-5
"""Share of the peak below which a value is a trace of rounding."""
WHOLE = 1e-3
"""Difference within which a number is a whole one, as after scaling by a header."""

Values = NDArray[Any]


@dataclass
class ValueCounts:
    """Counts of the values above 0 in the masks of a set; its size does not grow with them.

    Attributes:
        peak: largest value.
        whole: whether all values are whole numbers.
        soft: number of masks that are lossy, or in which values change gradually.
        lowest_flat: smallest value on which an area of a crisp mask lies flat; 0 without.
        exact: pixels of each value; None if there are more than `DISTINCT` values.
        width: width of the bins, a power of two.
        crisp_flat, soft_flat, noisy_flat: flat pixels of crisp masks, of soft ones, and of those
            that went through JPEG, int64 (`BINS`,).
        below: smallest value below 0; 0 without.
        least: smallest value, where 0 stands for what is below it.
    """

    peak: float = 0.0
    whole: bool = True
    soft: int = 0
    lowest_flat: float = 0.0
    exact: dict[float, int] | None = field(default_factory=dict)
    width: float = 0.0
    crisp_flat: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    soft_flat: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    noisy_flat: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    below: float = 0.0
    least: float = inf

    def add(self, other: "ValueCounts") -> None:
        """Add the counts of other masks; the order of the masks does not matter."""
        self.below = min(self.below, other.below)
        self.least = min(self.least, other.least)
        if other.peak == 0:
            return
        self.peak, self.whole = max(self.peak, other.peak), self.whole and other.whole
        self.soft += other.soft
        lowest = [one for one in (self.lowest_flat, other.lowest_flat) if one]
        self.lowest_flat = min(lowest, default=0.0)
        self._add_exact(other)
        width = max(self.width, other.width)
        for name in ("crisp_flat", "soft_flat", "noisy_flat"):
            counts = _coarser(getattr(self, name), self.width, width)
            setattr(self, name, counts + _coarser(getattr(other, name), other.width, width))
        self.width = width

    def _add_exact(self, other: "ValueCounts") -> None:
        if self.exact is not None and other.exact is not None:
            for value, count in other.exact.items():
                self.exact[value] = self.exact.get(value, 0) + count
        if self.exact is None or other.exact is None or len(self.exact) > DISTINCT:
            self.exact = None


def count_values(values: Values, lossy: bool = False) -> ValueCounts:
    """Count the values above 0 in one mask, (H, W) or (X, Y, Z).

    Args:
        values: real numbers.
        lossy: whether the format changes values, as JPEG does.
    """
    below = _lowest(values)
    values = _without_traces(clean(values))
    least = float(values.min()) if values.size else inf
    values = _around_marked(values)
    marked = values[values > 0]
    if not marked.size:
        return ValueCounts(below=below, least=least)
    peak = float(marked.max())
    exact = _exact_counts(marked)
    width = 2.0 ** (np.floor(np.log2(peak)) + 1) / BINS
    counts = ValueCounts(peak, _are_whole(exact, marked), exact=exact, width=width)
    counts.below, counts.least = below, least
    gradual, extreme = (0.0, 0.0) if exact and len(exact) == 1 else _unevenness(values)
    if lossy or gradual > SOFT:
        counts.soft = 1
        if lossy or extreme > NOISE:
            counts.noisy_flat = _count_bins(_noisy_flat(values, NOISY_RANGE * peak), width)
        elif values.ndim == 3:
            # interpolation between slices leaves flat areas of any value in a slice, none in a
            # volume
            counts.soft_flat = _count_bins(_flat_values(values, range(3)), width)
    else:
        flat = [_flat_values(values, axes) for axes in combinations(range(values.ndim), 2)]
        levels = {float(value) for one in flat for value in np.unique(one)}
        counts.lowest_flat = min(levels, default=0.0)
        counts.crisp_flat = _count_bins(np.concatenate(flat), width)
    return counts


def clean(values: Values) -> Values:
    """Return `values` with 0 for what is below 0 or no number."""
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            numbers = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
        return np.maximum(numbers, 0)
    if values.dtype.kind == "i":
        return np.maximum(values, 0)
    return values.astype(np.uint8) if values.dtype.kind == "b" else values


def _around_marked(values: Values) -> Values:
    """Crop `values` to what is above 0, with one pixel around it."""
    box = []
    for axis in range(values.ndim):
        others = tuple(one for one in range(values.ndim) if one != axis)
        used = np.flatnonzero((values > 0).any(axis=others))
        if not used.size:
            return values[(slice(0, 0),) * values.ndim]
        box.append(slice(max(0, int(used[0]) - 1), int(used[-1]) + 2))
    return values[tuple(box)]


def _exact_counts(marked: Values) -> dict[float, int] | None:
    if marked.dtype == np.uint8:
        counts = np.bincount(marked)
        return {float(value): int(counts[value]) for value in np.flatnonzero(counts)}
    # a look at the first values spares sorting the many of a probability map
    if len(np.unique(marked[: 64 * DISTINCT])) > DISTINCT:
        return None
    values, counts = np.unique(marked, return_counts=True)
    if len(values) > DISTINCT:
        return None
    return {float(value): int(count) for value, count in zip(values, counts, strict=True)}


def _are_whole(exact: Mapping[float, int] | None, marked: Values) -> bool:
    values = marked if exact is None else np.array([*exact])
    return bool((np.abs(values - np.rint(values)) <= WHOLE).all())


def _unevenness(values: Values) -> tuple[float, float]:
    """Return how gradually values change, and how noisily, from triples of pixels.

    Returns:
        Of the triples whose ends differ, the share that pass through a value between; of these
        and the local extremes, the share of the extremes.
    """
    gradual = extreme = changes = 0
    for axis in range(values.ndim):
        one = np.moveaxis(values, axis, 0)
        before, here, after = one[:-2], one[1:-1], one[2:]
        above, below = (here > before, here > after), (here < before, here < after)
        gradual += int(((above[0] & below[1]) | (below[0] & above[1])).sum())
        extreme += int(((above[0] & above[1]) | (below[0] & below[1])).sum())
        changes += int((before != after).sum())
    return gradual / (changes or 1), extreme / (gradual + extreme or 1)


def _lowest(values: Values) -> float:
    """Return the smallest number below 0; 0 without."""
    if values.dtype.kind not in "if" or not values.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        lowest = np.fmin.reduce(values, axis=None)
    return float(min(lowest, 0)) if np.isfinite(lowest) else 0.0


def _without_traces(values: Values) -> Values:
    """Return `values`, changed to 0 where rounding left a trace of it."""
    if values.dtype.kind == "f":
        values[values < TRACE * values.max(initial=0)] = 0
    return values


def _noisy_flat(values: Values, tolerance: float) -> Values:
    """Return the means of the neighbourhoods whose values differ by `tolerance` or less."""
    low = high = values
    mean: Values = values.astype(np.float32)
    for axis in range(values.ndim):
        if values.shape[axis] < 3:
            continue
        low, high = _over_three(low, axis, np.minimum), _over_three(high, axis, np.maximum)
        mean = _over_three(mean, axis, np.add) / 3
    flat: Values = mean[(high - low <= tolerance) & (mean > 0)]
    return flat


def _count_bins(values: Values, width: float) -> NDArray[np.int64]:
    return np.bincount((values / width).astype(np.int64), minlength=BINS)


def _flat_values(values: Values, axes: Sequence[int]) -> Values:
    """Return the values above 0 of pixels whose neighbourhood along `axes` is flat."""
    low = high = centre = values
    for axis in axes:
        if values.shape[axis] < 3:
            if len(axes) == 2:
                return values[:0].ravel()
            continue  # a volume of one or two slices
        low, high = _over_three(low, axis, np.minimum), _over_three(high, axis, np.maximum)
        centre = np.moveaxis(np.moveaxis(centre, axis, 0)[1:-1], 0, axis)
    flat: Values = centre[(high == low) & (centre > 0)]
    return flat


def _over_three(values: Values, axis: int, function: np.ufunc) -> Values:
    one = np.moveaxis(values, axis, 0)
    return np.moveaxis(function(function(one[:-2], one[1:-1]), one[2:]), 0, axis)


def _coarser(counts: NDArray[np.int64], width: float, wider: float) -> NDArray[np.int64]:
    """Return `counts` in bins of the width `wider`."""
    if not width or width == wider:
        return counts
    merged = np.zeros(BINS, np.int64)
    np.add.at(merged, (np.arange(BINS) * (width / wider)).astype(np.int64), counts)
    return merged
