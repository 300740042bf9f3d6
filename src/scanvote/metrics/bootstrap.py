"""Bootstrap intervals over groups, because scans of one patient are not independent."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scanvote.core.seeds import rng

RESAMPLES = 2000
LEVEL = 0.95
ENDS = ("", "_low", "_high")
"""Endings of the keys of a metric and of the ends of its interval."""
BLOCK = 100
"""Resamples in one block, for up to `CELLS` / 100 groups; with more groups a block is smaller."""

CELLS = 4_000_000
"""Weights of `bootstrap_weights` in one block: 32 MB."""
SAME = 1e-12
"""Values that differ by less than this differ by rounding alone."""
LEFT_OUT = 200
"""Maximum number of parts that the jackknife leaves out in turn."""
FEW = 10
"""Minimum number of groups for resamples with tails: 5 groups have only 126 resamples."""
MIN_GROUPS = 5
"""Minimum number of groups for an interval, a test or a verdict: see `too_few`."""

Integers = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
Counts = NDArray[np.float64]
"""(..., C, C) float64; rows are the truth, columns the prediction."""
Key = TypeVar("Key", bound=Hashable)


def interval_method(over: str = "groups") -> str:
    """Describe the intervals, for every table, figure and text that shows some.

    Args:
        over: the units that are drawn with replacement.
    """
    return f"95 % intervals: {bootstrap_method(over)}"


def bootstrap_method(over: str = "groups") -> str:
    """Describe the bootstrap, without the level of the interval."""
    return f"BCa bootstrap over {over}, {RESAMPLES:,} resamples"


def too_few(groups: int) -> bool:
    """Tell if so few groups support no interval, no test and no verdict.

    Every table, figure and sentence asks this function, so that they agree.
    """
    return groups < MIN_GROUPS


def no_interval(groups: int, of: str = "group") -> str:
    """Say why there is no interval: ``1 patient: no interval can be given``.

    Args:
        groups: number of groups, or patients, that the metric rests on.
        of: their name in the singular.
    """
    return f"{number_of(groups, of)}: no interval can be given"


def interval_caption(
    values: Iterable[float],
    lows: Iterable[float],
    over: str = "groups",
    method: str | None = None,
) -> str:
    """Describe the intervals of a figure, and why some or all of its values have none.

    Args:
        values: the metrics; an undefined one is NaN and needs no reason.
        lows: the lower ends of their intervals, NaN where there is none.
        over: the units that are drawn with replacement.
        method: description of the intervals; None: `interval_method`.
    """
    method = method or interval_method(over)
    has = [not np.isnan(low) for value, low in zip(values, lows, strict=True) if value == value]
    if all(has):
        return method
    fewer = f"fewer than {MIN_GROUPS} {over}"
    return f"{method}; none of {fewer}" if any(has) else f"No intervals: {fewer}"


def number_of(count: int, of: str) -> str:
    """Return a count with its noun, whose plural ends in s."""
    return f"{count:,} {of}{'' if count == 1 else 's'}"


def confusions(groups: Integers, truth: Integers, predicted: Integers, classes: int) -> Counts:
    """Return one confusion matrix for each group, (G, C, C).

    G is the largest group number + 1.

    Args:
        groups, truth, predicted: (n,), for each scan: its group from 0, its class and the predicted
            class.
        classes: C.
    """
    counts = np.zeros((int(groups.max(initial=-1)) + 1, classes, classes))
    np.add.at(counts, (groups, truth, predicted), 1)
    return counts


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """Return the share of the scans on the diagonal."""
    total = counts.sum(axis=(-1, -2))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.trace(counts, axis1=-2, axis2=-1) / total)


def macro_f1(counts: Counts, present: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Return the mean F1 of the classes of `present`, bool (C,), by default of all.

    A class that is neither present nor predicted counts 0.
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(axis=-1) + counts.sum(axis=-2)
    of_classes = 2 * hits / np.maximum(either, 1e-12)
    if present is not None and not present.all():
        of_classes = of_classes[..., present]
    return np.asarray(of_classes.mean(axis=-1))


def estimates(
    metrics: Callable[[Floats], Mapping[Key, Floats]], groups: int, seed: int
) -> "dict[Key, BootstrapEstimate]":
    """Estimate several metrics from the same samples of the groups.

    Args:
        metrics: returns, for (groups, b) `bootstrap_weights`, the (b,) values of each metric by
            name.
        groups: number of groups.
        seed: seed of the samples.
    """
    blocks = [metrics(weights) for weights in bootstrap_weights(groups, seed)]
    return {
        name: BootstrapEstimate.of(np.concatenate([block[name] for block in blocks]), groups)
        for name in blocks[0]
    }


def bootstrap_weights(groups: int, seed: int) -> Iterator[Floats]:
    """Yield blocks (groups, b): weights of the groups in b samples.

    The first sample has every group once. Next come those of the jackknife, which leaves out one
    group after the other, or with many groups one of `LEFT_OUT` random parts of them; then those of
    `resamples`. All metrics with the same number of groups and the same seed are paired.
    `BootstrapEstimate.of` separates the three kinds of samples.
    """
    yield np.ones((groups, 1))
    yield _without_parts(groups, seed)
    yield from resamples(groups, seed)


def resamples(groups: int, seed: int) -> Iterator[Floats]:
    """Yield blocks (groups, b) with how often each group is drawn.

    Groups are drawn with replacement; all blocks together have `RESAMPLES` columns.
    """
    random, block = rng(seed, "weightings"), max(1, min(BLOCK, CELLS // groups))
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        picks = random.integers(groups, size=(size, groups)) + groups * np.arange(size)[:, None]
        counts = np.bincount(picks.ravel(), minlength=size * groups)
        yield counts.reshape(size, groups).T.astype(float, order="C")


def _without_parts(groups: int, seed: int) -> Floats:
    parts = min(groups, LEFT_OUT)
    part = rng(seed, "jackknife").permutation(np.arange(groups) % parts)
    return np.asarray(part[:, None] != np.arange(parts), float)


@dataclass(frozen=True)
class BootstrapEstimate:
    """A metric of a sample of groups, with its interval's data.

    Attributes:
        value: the metric of all groups.
        without: (parts,), the metric without each part of the groups (jackknife).
        drawn: (RESAMPLES,), the metric of groups drawn with replacement; NaN where it is undefined,
            for example if a class is not drawn.
        groups: number of groups that the metric rests on; for a class, those with scans of it.
        width: from the worst possible value to the best one; the higher of the two is 1.
        paired: whether this is the difference of two metrics of the same groups.
        spread_groups: number of groups that the metric varies with, if these are not all: those
            of a class, for a metric of it.
    """

    value: float
    without: Floats
    drawn: Floats
    groups: int
    width: float = 1.0
    paired: bool = False
    spread_groups: int | None = None

    @classmethod
    def of(cls, values: Floats, groups: int, width: float = 1.0) -> "BootstrapEstimate":
        """Create the estimate from its values under all `bootstrap_weights`, in their order."""
        parts = len(values) - 1 - RESAMPLES
        return cls(float(values[0]), values[1 : parts + 1], values[parts + 1 :], groups, width)

    def __sub__(self, other: "BootstrapEstimate") -> "BootstrapEstimate":
        """Return the paired difference of two estimates with the same weights."""
        return BootstrapEstimate(
            self.value - other.value,
            self.without - other.without,
            self.drawn - other.drawn,
            min(self.groups, other.groups),
            self.width,
            paired=True,
        )

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval, which always contains the value.

        It is the bias-corrected and accelerated bootstrap interval (Efron 1987), widened for small
        samples by Student's t in place of the normal, as Hesterberg (2015) does. With fewer than
        `FEW` groups it is never narrower than Student's interval with the jackknife's standard
        error, because no resample lies beyond the best and the worst group.

        If all resamples are equal, as for a classifier without an error, the bootstrap has no
        information, and the exact interval of a share is used instead (Clopper and Pearson 1934):
        what is seen in none of G groups may be true of 1 − 0.025^(1/G) of them, about 3.7/G. This
        is exact for the share of groups; for other metrics it is a cautious bound, because it
        assumes their worst value for those unseen groups. A metric that cannot vary, such as the
        area under the curve of constant scores, keeps its width of 0. With too few groups or an
        undefined value there is no interval: NaN.
        """
        drawn = self.drawn[np.isfinite(self.drawn)]
        if too_few(self.groups) or not len(drawn) or np.isnan(self.value):
            return float("nan"), float("nan")
        if np.abs(drawn - self.value).max() < SAME:
            return self._without_variation()
        spread = self._spread_over()
        low, high = bca_interval(self.value, drawn, self.without, _z_multiplier(spread))
        if spread < FEW:
            (lowest, highest), half = self._range(), _student_half_width(self.without, spread)
            low, high = (
                min(low, max(self.value - half, lowest)),
                max(high, min(self.value + half, highest)),
            )
        return min(low, self.value), max(high, self.value)

    def _spread_over(self) -> int:
        """Return the number of groups that the width depends on.

        With few groups of a class these are fewer than the parts of the jackknife.
        """
        own, parts = self.spread_groups, len(self.without)
        return own if own is not None and own < FEW else parts

    def _range(self) -> tuple[float, float]:
        return (-self.width, self.width) if self.paired else (1 - self.width, 1.0)

    def _without_variation(self) -> tuple[float, float]:
        margin = self.width * (1 - ((1 - LEVEL) / 2) ** (1 / self.groups))
        lowest, highest = self._range()
        if not self.paired and min(self.value - lowest, highest - self.value) > SAME:
            return self.value, self.value
        return max(self.value - margin, lowest), min(self.value + margin, highest)


def _z_multiplier(groups: int) -> float:
    """Return the interval's half width in standard errors.

    It is 1.96 for many groups.
    """
    from scipy.special import stdtrit

    return float(stdtrit(groups - 1, (1 + LEVEL) / 2) * np.sqrt(groups / (groups - 1)))


def _student_half_width(without: Floats, groups: int) -> float:
    """Return half the width of Student's interval, with the jackknife's standard error.

    Args:
        without: the metric without each part of the groups.
        groups: number of groups that the metric rests on; the others change nothing.
    """
    defined = without[np.isfinite(without)]
    deviation = defined - defined.mean() if len(defined) else defined
    return _z_multiplier(groups) * (1 - 1 / groups) * float(np.sqrt((deviation**2).sum()))


def bca_interval(
    value: float, drawn: Floats, without: Floats, z_multiplier: float
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated bootstrap interval (Efron 1987).

    Args:
        value: the metric of the sample.
        drawn: (resamples,), the metric of each bootstrap sample, finite.
        without: (parts,), the metric of each jackknife sample, from which the change of the spread
            with the value follows; NaN where undefined.
        z_multiplier: half width of the interval in standard errors.
    """
    from scipy.special import ndtr, ndtri

    equal = np.abs(drawn - value) < SAME
    below = ((drawn < value) & ~equal).mean() + equal.mean() / 2
    # if no resample is below, its share is still below one in the number of resamples
    bias = ndtri(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))
    acceleration, tails = _acceleration(without), bias + np.array([-z_multiplier, z_multiplier])
    denominator = 1 - acceleration * tails
    # if the denominator is not positive, the tail lies beyond all resamples
    adjusted = np.where(
        denominator > 0, tails / np.where(denominator > 0, denominator, 1), np.sign(tails) * np.inf
    )
    low, high = np.quantile(drawn, ndtr(bias + adjusted))
    return float(low), float(high)


def _acceleration(without: Floats) -> float:
    defined = without[np.isfinite(without)]
    deviation = defined.mean() - defined if len(defined) else defined
    squares = float((deviation**2).sum())
    return float((deviation**3).sum()) / (6 * squares**1.5) if squares > SAME**2 else 0.0
