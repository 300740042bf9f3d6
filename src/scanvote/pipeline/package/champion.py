"""Promotion rule: compare a package with the champion of the same test, and give the reason."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import (
    BootstrapEstimate,
    Counts,
    bootstrap_method,
    confusions,
)
from scanvote.metrics.confusion import chief_estimates
from scanvote.metrics.segmentation import mean_difference, patient_dice
from scanvote.pipeline.package.reference_outputs import COUNTS, is_of_masks


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
    lies above zero. A package without classifiers is compared by the mean Dice of the same test
    patients. Without an interval, as of too few groups, the champion stays. The first package that
    is tested on its scans is their champion; a package of a smoke run never is.

    Args:
        new: the package's table of `reference_outputs`.
        present: that of the champion, of the same digest; None if these scans have no champion.
        smoke: whether the package is of a smoke run.
        seed: seed of the bootstrap.
    """
    if smoke:
        return Verdict("challenger", "challenger: it is of a smoke run, which is no result")
    if present is None:
        return Verdict("champion", "champion: it is the first that was tested on its test scans")
    if is_of_masks(new):
        return _verdict("mean Dice of a patient", _dice_gain(new, present, seed))
    return _verdict("macro F1", _macro_f1_gain(new, present, seed))


def _verdict(metric: str, gain: BootstrapEstimate) -> Verdict:
    low, high = gain.interval()
    alias: Literal["champion", "challenger"] = "champion" if low > 0 else "challenger"
    difference = f"{metric} {_difference_text(gain.value)}"
    return Verdict(alias, f"{alias}: {difference}, {_interval_text(low, high)}")


def _macro_f1_gain(new: pd.DataFrame, present: pd.DataFrame, seed: int) -> BootstrapEstimate:
    labels = sorted({*new["label"], *new["predicted"], *present["predicted"]})
    counts = [_confusions(table, labels) for table in (new, present)]
    macro_f1, champions = (metrics["macro_f1"] for metrics in chief_estimates(counts, seed))
    return macro_f1 - champions


def _dice_gain(new: pd.DataFrame, present: pd.DataFrame, seed: int) -> BootstrapEstimate:
    one, other = (patient_dice(table[COUNTS], table["group"].tolist()) for table in (new, present))
    return mean_difference(one, other, seed)


def _interval_text(low: float, high: float) -> str:
    if np.isnan(low):
        return "without an interval, as the test has too few groups"
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
