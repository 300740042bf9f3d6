"""Whether a package is better than the one in use: the rule, and its reason in one sentence."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import Counts, bootstrap_method, confusions
from scanvote.metrics.confusion import chief_estimates
from scanvote.pipeline.package.reference_outputs import digest_of


class Verdict(NamedTuple):
    """What a package is to be called in the registry, and why."""

    alias: Literal["champion", "challenger"]
    reason: str


def choose_champion(
    new: pd.DataFrame, present: pd.DataFrame | None, smoke: bool, seed: int
) -> Verdict:
    """Champion or challenger.

    A package beats the champion if its macro F1 on the same test scans is higher by more than
    chance: the 95 % interval of the difference, by bootstrap over the groups, both of them judged
    on the same samples, lies above zero. Without an interval, as where a class has scans of one
    group only, none is beaten. The first of all is champion; of a smoke run none is.

    Args:
        new: what it said of its test scans, as `examined` has it.
        present: what the champion said of its own, None where there is none.
        smoke: it is of a smoke run.
        seed: of the bootstrap.
    """
    if smoke:
        return Verdict("challenger", "challenger: it is of a smoke run, which is no result")
    if present is None:
        return Verdict("champion", "champion: it is the first of all")
    if digest_of(new) != digest_of(present):
        reason = "challenger: the champion was tested on other scans, classes or groups"
        return Verdict("challenger", reason)
    return _compared(new, present, seed)


def _compared(new: pd.DataFrame, present: pd.DataFrame, seed: int) -> Verdict:
    labels = sorted({*new["label"], *new["predicted"], *present["predicted"]})
    mine, other = (_confusions(table, labels) for table in (new, present))
    ours, theirs = (found["macro_f1"] for found in chief_estimates([mine, other], seed))
    gain = ours - theirs
    low, high = gain.interval()
    alias: Literal["champion", "challenger"] = "champion" if low > 0 else "challenger"
    return Verdict(alias, f"{alias}: macro F1 {_distance(gain.value)}, {_bounds(low, high)}")


def _bounds(low: float, high: float) -> str:
    if np.isnan(low):
        return "without an interval, as a class has test scans of one group only"
    side = "lies above zero" if low > 0 else "lies below zero" if high < 0 else "includes zero"
    return f"95 % interval {_plain(low)} to {_plain(high)} ({bootstrap_method()}) {side}"


def _confusions(table: pd.DataFrame, labels: list[str]) -> Counts:
    code = {label: number for number, label in enumerate(labels)}
    truth, guess = (table[name].map(code).to_numpy() for name in ("label", "predicted"))
    return confusions(table["group"].to_numpy(), truth, guess, len(labels))


def _distance(gain: float) -> str:
    amount = _plain(abs(gain))
    if gain == 0:
        return "the same"
    return f"{amount} {'higher' if gain > 0 else 'lower'}"


def _plain(value: float) -> str:
    return f"{np.round(value, 3) + 0.0:.3f}"  # no minus zero
