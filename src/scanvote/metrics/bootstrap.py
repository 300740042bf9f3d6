"""Intervals: the bootstrap over groups, as scans of one patient are no independent cases."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scanvote.core.seeds import rng

RESAMPLES = 2000
LEVEL = 0.95
BLOCK = 100
"""Resamples at a time, of up to `CELLS` / 100 groups; fewer of more."""

CELLS = 4_000_000
"""Weights at a time, as of `weightings`: 32 MB."""
SAME = 1e-12
"""Two values no further apart differ by rounding alone."""
LEFT_OUT = 200
"""Parts at most that the jackknife leaves out, one after the other."""
FEW = 10
"""Groups below which resamples are not different enough to have tails: of 5 there are 126."""

Integers = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
Counts = NDArray[np.float64]
"""(..., C, C) float64, rows the truth, columns the prediction."""
Key = TypeVar("Key", bound=Hashable)


def interval_method(over: str = "groups") -> str:
    """How the intervals are made, in words, for every table, figure and text that shows some.

    Args:
        over: what is drawn with replacement.
    """
    return f"95 % intervals: {bootstrap_method(over)}"


def bootstrap_method(over: str = "groups") -> str:
    """The same without saying that it is of intervals."""
    return f"BCa bootstrap over {over}, {RESAMPLES:,} resamples"


def confusions(groups: Integers, truth: Integers, guess: Integers, classes: int) -> Counts:
    """One confusion matrix a group, (G, C, C), G being the largest group + 1.

    Args:
        groups, truth, guess: (n,), one a scan: its group from 0, class and prediction.
        classes: C.
    """
    counts = np.zeros((int(groups.max(initial=-1)) + 1, classes, classes))
    np.add.at(counts, (groups, truth, guess), 1)
    return counts


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """Share of the scans on the diagonal."""
    total = counts.sum(axis=(-1, -2))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.trace(counts, axis1=-2, axis2=-1) / total)


def macro_f1(counts: Counts) -> NDArray[np.float64]:
    """Mean F1 of the classes; 0 for one that is neither there nor predicted."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.asarray((2 * hits / np.maximum(either, 1e-12)).mean(axis=-1))


def estimates(
    figures: Callable[[Floats], Mapping[Key, Floats]], groups: int, seed: int
) -> "dict[Key, Sampled]":
    """Each of some figures, with what its interval needs; all in the same samples of the groups.

    Args:
        figures: by name their (b,) values under (groups, b) `weightings`.
        groups: how many there are.
        seed: of the samples.
    """
    blocks = [figures(weights) for weights in weightings(groups, seed)]
    return {
        name: Sampled.of(np.concatenate([block[name] for block in blocks]), groups)
        for name in blocks[0]
    }


def weightings(groups: int, seed: int) -> Iterator[Floats]:
    """(groups, b) at a time: how much each group counts in each of many samples.

    The first sample is the groups as they are, then come those of the jackknife, which leave out
    one group after the other, or where there are many one of `LEFT_OUT` parts of them, drawn at
    random; then the `resamples`. All statistics of the same number of groups and seed are paired.
    `Sampled.of` puts them apart.
    """
    yield np.ones((groups, 1))
    yield _without_parts(groups, seed)
    yield from resamples(groups, seed)


def resamples(groups: int, seed: int) -> Iterator[Floats]:
    """(groups, b) at a time, `RESAMPLES` in all: how often each is drawn, with replacement."""
    draw, block = rng(seed, "weightings"), max(1, min(BLOCK, CELLS // groups))
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        drawn = draw.integers(groups, size=(size, groups)) + groups * np.arange(size)[:, None]
        often = np.bincount(drawn.ravel(), minlength=size * groups)
        yield often.reshape(size, groups).T.astype(float, order="C")


def _without_parts(groups: int, seed: int) -> Floats:
    parts = min(groups, LEFT_OUT)
    part = rng(seed, "jackknife").permutation(np.arange(groups) % parts)
    return np.asarray(part[:, None] != np.arange(parts), float)


@dataclass(frozen=True)
class Sampled:
    """A figure of a sample of groups, and what is needed for its interval.

    Attributes:
        value: of all groups.
        without: (parts,) of the groups less each part of them.
        drawn: (RESAMPLES,) of groups drawn with replacement; NaN where it is undefined, as when a
            class is not drawn.
        groups: how many groups it rests on: of a class, those that have scans of it.
        width: from its worst value to its best one; the higher of the two is 1.
        paired: it is the difference of two figures of the same groups.
    """

    value: float
    without: Floats
    drawn: Floats
    groups: int
    width: float = 1.0
    paired: bool = False

    @classmethod
    def of(cls, values: Floats, groups: int, width: float = 1.0) -> "Sampled":
        """From the values under all `weightings`, one after the other."""
        parts = len(values) - 1 - RESAMPLES
        return cls(float(values[0]), values[1 : parts + 1], values[parts + 1 :], groups, width)

    def __sub__(self, other: "Sampled") -> "Sampled":
        """The paired difference of two figures of the same weightings."""
        return Sampled(
            self.value - other.value,
            self.without - other.without,
            self.drawn - other.drawn,
            min(self.groups, other.groups),
            self.width,
            paired=True,
        )

    def interval(self) -> tuple[float, float]:
        """The 95 % interval; it holds the value.

        It is the bias-corrected and accelerated one of the bootstrap (Efron 1987), widened for
        small samples by Student's t in place of the normal, as Hesterberg (2015) does. With fewer
        than `FEW` groups it is no narrower than Student's own, of the jackknife's standard error,
        as no resample lies beyond the best and the worst group.

        Where no resample differs, as none does of a classifier without an error, it says nothing,
        and the exact one of a share stands in for it (Clopper and Pearson 1934): what is seen in
        none of G groups may be true of 1 − 0.025^(1/G) of them, about 3.7/G. That is exact for the
        share of groups; for other figures, whose worst value is taken for those unseen groups, it
        is a cautious bound. A figure that cannot vary, as the area under the curve of constant
        scores, keeps its width of 0. One group alone, or a value that is undefined, has no
        interval: NaN.
        """
        drawn = self.drawn[np.isfinite(self.drawn)]
        if self.groups < 2 or not len(drawn) or np.isnan(self.value):
            return float("nan"), float("nan")
        if np.abs(drawn - self.value).max() < SAME:
            return self._unseen()
        low, high = accelerated(self.value, drawn, self.without, _reach(len(self.without)))
        if len(self.without) < FEW:
            (least, most), half = self._ends(), _half_of_student(self.without)
            low, high = (
                min(low, max(self.value - half, least)),
                max(high, min(self.value + half, most)),
            )
        return min(low, self.value), max(high, self.value)

    def _ends(self) -> tuple[float, float]:
        return (-self.width, self.width) if self.paired else (1 - self.width, 1.0)

    def _unseen(self) -> tuple[float, float]:
        reach = self.width * (1 - ((1 - LEVEL) / 2) ** (1 / self.groups))
        least, most = self._ends()
        if not self.paired and min(self.value - least, most - self.value) > SAME:
            return self.value, self.value
        return max(self.value - reach, least), min(self.value + reach, most)


def _reach(groups: int) -> float:
    """How many standard errors the interval reaches to either side; 1.96 for many groups."""
    from scipy.special import stdtrit

    return float(stdtrit(groups - 1, (1 + LEVEL) / 2) * np.sqrt(groups / (groups - 1)))


def _half_of_student(without: Floats) -> float:
    """Half the width of Student's interval, of the standard error by the jackknife."""
    known, parts = without[np.isfinite(without)], len(without)
    apart = known - known.mean() if len(known) else known
    return _reach(parts) * (1 - 1 / parts) * float(np.sqrt((apart**2).sum()))


def accelerated(value: float, drawn: Floats, without: Floats, reach: float) -> tuple[float, float]:
    """The bias-corrected and accelerated interval (Efron 1987).

    Args:
        value: of the sample.
        drawn: (resamples,) of the bootstrap, finite.
        without: (parts,) of the jackknife, which tell how the spread changes with the value; NaN
            where undefined.
        reach: to either side, in standard errors.
    """
    from scipy.special import ndtr, ndtri

    equal = np.abs(drawn - value) < SAME
    below = ((drawn < value) & ~equal).mean() + equal.mean() / 2
    # none below tells of less than one in so many
    bias = ndtri(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))
    bend, tails = _acceleration(without), bias + np.array([-reach, reach])
    room = 1 - bend * tails
    # without room the tail lies beyond all that was drawn
    bent = np.where(room > 0, tails / np.where(room > 0, room, 1), np.sign(tails) * np.inf)
    low, high = np.quantile(drawn, ndtr(bias + bent))
    return float(low), float(high)


def _acceleration(without: Floats) -> float:
    known = without[np.isfinite(without)]
    apart = known.mean() - known if len(known) else known
    spread = float((apart**2).sum())
    return float((apart**3).sum()) / (6 * spread**1.5) if spread > SAME**2 else 0.0
