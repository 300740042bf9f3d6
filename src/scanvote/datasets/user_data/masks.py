"""One rule for what a mask marks, told from the values of all masks of a set.

A level is a value on which an area lies flat (all pixels of some 3x3 neighbourhood). A pixel
is marked from half of the lowest level on, so any label marks, but neither noise nor the
values between two levels; without a level, from half of the largest value on. Where all
values are whole numbers up to `LABELS`, any but 0 marks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError

LABELS = 31
"""Largest value of a map of labels whose areas may be of any size."""
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
MODES = 32
"""Bins of the values in which the levels of noisy masks are told apart."""
NEAR = 0.02
"""Share of the peak within which two values are one level of soft masks."""
RARE = 0.01
"""Share of the flat pixels below which a value of soft masks is no level."""
TRACE = 1e-5
"""Share of the peak below which a value is a trace of rounding."""
WHOLE = 1e-3
"""Difference within which a number is a whole one, as after scaling by a header."""
SHOWN = 8
"""Maximum of values in a message."""

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


@dataclass(frozen=True)
class MaskRule:
    """What the masks of a set mark.

    Attributes:
        cut: value from which on a pixel is marked, where no labels are chosen.
        levels: the levels, rising; of crisp masks, all values (at most `DISTINCT`).
        soft: whether there are values between the levels.
        chosen: the levels that are marked; None for all of them.
        use_alpha: whether the masks are in the alpha channel.
        use_colours: whether the values are those of colours, 0xRRGGBB.
        lossy_cut: value below which what JPEG stores is noise.
        copies: whether every file says what it marks: grey masks of one value beside 0.
    """

    cut: float = 0.5
    levels: tuple[float, ...] = ()
    soft: bool = False
    chosen: tuple[float, ...] | None = None
    use_alpha: bool = False
    use_colours: bool = False
    lossy_cut: float = 0.0
    copies: bool = False

    def marked(self, values: Values) -> NDArray[np.uint8]:
        """Return the mask of `values`, 0 or 255, of the same shape."""
        values = clean(values)
        if self.chosen is None:
            inside = values >= self.cut
        elif self.soft:
            levels = np.array([0.0, *self.levels])
            middles = (levels[1:] + levels[:-1]) / 2
            inside = np.isin(levels, self.chosen)[np.searchsorted(middles, values, side="right")]
        else:
            inside = np.zeros(values.shape, bool)
            for label in self.chosen:
                inside |= np.abs(values - np.float64(label)) <= WHOLE
        return inside.astype(np.uint8) * np.uint8(255)


def find_rule(
    counts: ValueCounts,
    labels: Sequence[int | str] | None = None,
    names: Mapping[str, Sequence[int]] | None = None,
    use_alpha: bool = False,
    ignored: Sequence[int] = (),
) -> MaskRule:
    """Return the rule for masks with `counts`.

    Args:
        counts: of all masks of the set.
        labels: ``segmentation.mask_labels``: values or names to mark; None for any label.
        names: values of each name, where the data set gives names.
        use_alpha: whether `counts` are of the alpha channel.
        ignored: values that mark nothing unless `labels` name them.

    Raises:
        InputError: no mask holds one of `labels`; or, without them, a background.
    """
    small = counts.whole and counts.peak <= LABELS
    soft = counts.soft > 0 and not small
    levels = _soft_levels(counts) if soft else tuple(_held_values(counts))
    if small:
        cut = 0.5
    else:
        lowest = min(levels, default=0.0) if soft else counts.lowest_flat
        cut = (lowest or counts.peak or 1.0) / 2
    if labels is None:
        _check_background(counts, cut)
    chosen = None if labels is None else _chosen(labels, names or {}, counts, levels, soft)
    if chosen is None and set(levels) & set(ignored):
        chosen = tuple(level for level in levels if level not in ignored)
    lossy_cut = min(_noisy_levels(counts), default=0.0) / 2 if soft else 0.0
    return MaskRule(cut, levels, soft, chosen, use_alpha, lossy_cut=lossy_cut)


def _check_background(counts: ValueCounts, cut: float) -> None:
    """Refuse masks of which nothing, or all of each, would be marked."""
    if not counts.peak and counts.below:
        raise InputError(
            f"the masks hold no value above 0, but values from {counts.below:g} to 0; save them"
            " with 0 as the background, and what they mark above it"
        )
    if not counts.peak or counts.least < cut:
        return
    nothing = "no pixel of any mask is 0, so all of each image would be marked"
    held = _held_values(counts)
    if len(held) < 2:
        raise InputError(f"{nothing}; are they masks?")
    raise InputError(
        f"{nothing}; if another value is the background, set segmentation.mask_labels to those to"
        f" mark, such as [{held[-1]:g}]; they hold {_listed(held)}"
    )


def describe_values(counts: ValueCounts, rule: MaskRule) -> str:
    """Describe the values of masks that are not plainly of two; empty for those that are."""
    if counts.peak == 0 or (len(rule.levels) == 1 and not rule.soft):
        return ""
    if rule.levels:
        others = " and others between" if rule.soft else ""
        held = f"the masks hold the values 0, {_listed(rule.levels)}{others}"
    else:
        held = f"the masks hold values from 0 to {counts.peak:g}"
    if rule.chosen is not None:
        return f"{held}: marked is {_listed(rule.chosen)}, as segmentation.mask_labels says"
    all_marked = not rule.soft and (not rule.levels or rule.cut <= rule.levels[0])
    marked = "any but 0 is marked" if all_marked else f"marked is what reaches {rule.cut:g}"
    if len(rule.levels) < 2:
        return f"{held}: {marked}"
    example = f"such as [{rule.levels[-1]:g}]"
    return f"{held}: {marked}; to mark only some, set segmentation.mask_labels, {example}"


def _held_values(counts: ValueCounts) -> list[float]:
    """Return the values above 0, rising; none if there are more than `DISTINCT`."""
    return [value for value in sorted(counts.exact or ()) if value > TRACE * counts.peak]


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


def _soft_levels(counts: ValueCounts) -> tuple[float, ...]:
    """Return the values on which soft masks lie flat, rising."""
    levels = _exact_levels(counts)
    apart = counts.peak / MODES
    noisy = [one for one in _noisy_levels(counts) if all(abs(one - at) > apart for at in levels)]
    return tuple(sorted([*levels, *noisy]))


def _exact_levels(counts: ValueCounts) -> list[float]:
    both = counts.crisp_flat + counts.soft_flat
    total = int(both.sum())
    near = max(1, round(NEAR * counts.peak / (counts.width or 1)))
    levels = []
    for group in _groups(np.flatnonzero(both > total * RARE / 10), near):
        tail = group[0] <= near  # what fades out around 0
        if tail and not counts.crisp_flat[group].any():
            continue
        if both[group].sum() >= total * RARE or counts.crisp_flat[group].any():
            levels.append(float(group[np.argmax(both[group])] * counts.width))
    return levels


def _noisy_levels(counts: ValueCounts) -> list[float]:
    """Return the modes of the values of masks that went through JPEG, rising.

    Between two modes are less than half as many pixels as at the smaller one; what fades out
    from 0 is none.
    """
    fine = counts.noisy_flat
    wide = fine.reshape(-1, BINS // MODES).sum(axis=1)
    modes: list[int] = []
    valley = wide[0]
    for at in range(1, MODES):
        valley = min(valley, wide[at])
        if modes and wide[at] > wide[modes[-1]] and 2 * valley >= wide[modes[-1]]:
            modes[-1], valley = at, wide[at]
        elif wide[at] > 2 * valley:
            modes.append(at)
            valley = wide[at]
    least = RARE * sum(int(wide[at]) for at in modes)
    levels = [_top(fine, at) * counts.width for at in modes if wide[at] > least]
    return [float(round(one)) for one in levels] if counts.whole else levels


def _top(fine: NDArray[np.int64], mode: int) -> int:
    """Return the fullest bin of a mode and of what is next to it."""
    start, side = max(0, mode - 1) * (BINS // MODES), BINS // MODES
    return start + int(np.argmax(fine[start : (mode + 2) * side]))


def _groups(bins: NDArray[np.int64], near: int) -> Iterable[NDArray[np.int64]]:
    """Part rising `bins` where the next is farther than `near`."""
    if not bins.size:
        return []
    return np.split(bins, np.flatnonzero(np.diff(bins) > near) + 1)


def _chosen(
    labels: Sequence[int | str],
    names: Mapping[str, Sequence[int]],
    counts: ValueCounts,
    levels: Sequence[float],
    soft: bool,
) -> tuple[float, ...]:
    """Return the levels that `labels` name."""
    chosen: list[float] = []
    for label in labels:
        if isinstance(label, str) and label not in names:
            known = f"the names are {', '.join(names)}" if names else "the data give no names"
            raise InputError(f"segmentation.mask_labels: no label is called {label!r}; {known}")
        wanted = names[label] if isinstance(label, str) else (label,)
        found = [_nearest(value, counts, levels, soft) for value in wanted]
        if not any(one is not None for one in found):
            raise InputError(
                f"segmentation.mask_labels: no mask holds {label!r}; {_held(counts, levels)}"
            )
        chosen += [one for one in found if one is not None]
    return tuple(sorted(set(chosen)))


def _nearest(
    value: float, counts: ValueCounts, levels: Sequence[float], soft: bool
) -> float | None:
    share = 1 / MODES if counts.noisy_flat.any() else NEAR
    reach = share * counts.peak if soft else WHOLE
    near = [level for level in levels if abs(level - value) <= reach]
    return min(near, key=lambda level: abs(level - value)) if near else None


def _held(counts: ValueCounts, levels: Sequence[float]) -> str:
    if not counts.peak:
        return "all masks are empty"
    if not levels:
        return f"they hold more than {DISTINCT} values up to {counts.peak:g}"
    return f"they hold {_listed(levels)}"


def _listed(values: Sequence[float]) -> str:
    shown = ", ".join(f"{value:g}" for value in values[:SHOWN])
    return shown + (f" … {values[-1]:g} ({len(values)} values)" if len(values) > SHOWN else "")
