"""One rule for what a mask marks, told from the values of all masks of a set.

A level is a value on which an area lies flat (all pixels of some 3x3 neighbourhood). A pixel
is marked from half of the lowest level on, so any label marks, but neither noise nor the
values between two levels; without a level, from half of the largest value on. Where all
values are whole numbers up to `LABELS`, any but 0 marks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.mask_values import (
    BINS,
    DISTINCT,
    TRACE,
    WHOLE,
    ValueCounts,
    Values,
    clean,
)

LABELS = 31
"""Largest value of a map of labels whose areas may be of any size."""
MODES = 32
"""Bins of the values in which the levels of noisy masks are told apart."""
NEAR = 0.02
"""Share of the peak within which two values are one level of soft masks."""
RARE = 0.01
"""Share of the flat pixels below which a value of soft masks is no level."""
SHOWN = 8
"""Maximum of values in a message."""


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
