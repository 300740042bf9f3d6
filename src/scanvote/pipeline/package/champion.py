"""Promotion rule: compare a package with the champion, and give the reason."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import Counts, bootstrap_method, confusions
from scanvote.metrics.confusion import chief_estimates
from scanvote.pipeline.package.reference_outputs import digest_of


class Verdict(NamedTuple):
    """Alias of a package in the registry, with the reason."""

    alias: Literal["champion", "challenger"]
    reason: str


def choose_champion(
    new: pd.DataFrame, present: pd.DataFrame | None, smoke: bool, seed: int
) -> Verdict:
    """Decide whether a package becomes champion or challenger.

    A package beats the champion if its macro F1 on the same test scans is significantly higher: the
    95 % interval of the difference, by bootstrap over the groups with the same samples for both,
    lies above zero. Without an interval, as if a class has scans of one group only, the champion
    stays. The first package is always champion; a package of a smoke run never is.

    Args:
        new: the test predictions of the package, as of `write_reference_outputs`.
        present: the test predictions of the champion; None if there is no champion.
        smoke: whether the package is of a smoke run.
        seed: seed of the bootstrap.
    """
    if smoke:
        return Verdict("challenger", "challenger: it is of a smoke run, which is no result")
    if present is None:
        return Verdict("champion", "champion: it is the first of all")
    if digest_of(new) != digest_of(present):
        reason = "challenger: the champion was tested on other scans, classes or groups"
        return Verdict("challenger", reason)
    return _compare(new, present, seed)


def _compare(new: pd.DataFrame, present: pd.DataFrame, seed: int) -> Verdict:
    labels = sorted({*new["label"], *new["predicted"], *present["predicted"]})
    counts = [_confusions(table, labels) for table in (new, present)]
    macro_f1, champions = (metrics["macro_f1"] for metrics in chief_estimates(counts, seed))
    gain = macro_f1 - champions
    low, high = gain.interval()
    alias: Literal["champion", "challenger"] = "champion" if low > 0 else "challenger"
    return Verdict(
        alias, f"{alias}: macro F1 {_difference_text(gain.value)}, {_interval_text(low, high)}"
    )


def _interval_text(low: float, high: float) -> str:
    if np.isnan(low):
        return "without an interval, as a class has test scans of one group only"
    side = "lies above zero" if low > 0 else "lies below zero" if high < 0 else "includes zero"
    return (
        f"95 % interval {_number_text(low)} to {_number_text(high)} ({bootstrap_method()}) {side}"
    )


def _confusions(table: pd.DataFrame, labels: list[str]) -> Counts:
    code = {label: number for number, label in enumerate(labels)}
    truth, predicted = (table[name].map(code).to_numpy() for name in ("label", "predicted"))
    return confusions(table["group"].to_numpy(), truth, predicted, len(labels))


def _difference_text(gain: float) -> str:
    amount = _number_text(abs(gain))
    if gain == 0:
        return "the same"
    return f"{amount} {'higher' if gain > 0 else 'lower'}"


def _number_text(value: float) -> str:
    return f"{np.round(value, 3) + 0.0:.3f}"  # no minus zero
