"""Figures of experiments with the same test scans, and their paired differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scanvote.commands.compare_results import TestedTask
from scanvote.metrics.bootstrap import BootstrapEstimate, estimates, too_few
from scanvote.metrics.comparisons import METRICS, compare, holm
from scanvote.metrics.resampled import bootstrap, confusion_metrics, ranking_metrics
from scanvote.metrics.results import ClassifierOutput
from scanvote.metrics.segmentation import (
    Floats,
    count_pixels,
    dice_figures,
    mean_difference,
    patient_dice,
)
from scanvote.params import Task
from scanvote.pipeline.evaluate.segmentation import wilcoxon
from scanvote.predictions import decode_mask

DICE = "dice_patient_mean"
HEADLINE: Mapping[Task, tuple[str, ...]] = {"classification": METRICS, "segmentation": (DICE,)}
"""Metrics that are compared, by task."""
Interval = tuple[float, float, float]
"""A value and both ends of its 95 % interval; NaN where undefined, or with too few groups."""
Figures = Mapping[str, Interval]
Measured = tuple[Mapping[str, Figures], list["Difference"]]
"""Figures by experiment, and the differences of the others to the first."""


@dataclass(frozen=True)
class Difference:
    """Paired difference in a metric: of `name`, less that of `against`.

    Attributes:
        difference: with its 95 % interval over groups, or patients.
        test: name of the test.
        p: its p value; NaN without one.
        p_holm: with Holm's correction over all p values of this test in the comparison.
        same: whether both gave the same predictions.
    """

    name: str
    against: str
    metric: str
    difference: Interval
    test: str
    p: float
    p_holm: float
    same: bool = False

    def words(self) -> str:
        """Say what the interval shows."""
        if self.same:
            return "the same predictions"
        value, low, high = self.difference
        if np.isnan(value):
            return "undefined"
        if np.isnan(low):
            return "too few groups to tell"
        if low > 0 or high < 0:
            return f"{self.name if low > 0 else self.against} is better"
        return "not shown to differ"


def measure(tested: Sequence[TestedTask], params: Mapping[str, object]) -> Measured:
    """Return the figures of each experiment, and the differences of the others to the first.

    Args:
        tested: experiments with the same test scans in the same order; the first is the reference.
        params: settings of the first, by dotted key; they hold the seed of the samples.
    """
    seed = params.get("seed")
    whole = seed if isinstance(seed, int) else 0
    measured = _masks if tested[0].task == "segmentation" else _classes
    figures, differences = measured(tested, whole)
    same = {one.name for one in tested if one.predictions().equals(tested[0].predictions())}
    return figures, [replace(one, same=one.name in same) for one in differences]


def _classes(tested: Sequence[TestedTask], seed: int) -> Measured:
    outputs = {one.name: ClassifierOutput.of(one.rows, tested[0].groups) for one in tested}
    found = bootstrap(outputs, seed, (confusion_metrics, ranking_metrics))
    figures = {name: {key: _interval(own[key]) for key in METRICS} for name, own in found.items()}
    reference, *others = outputs
    if not others:
        return figures, []
    rows = compare([(name, reference) for name in others], outputs, found).to_dict("records")
    return figures, [
        Difference(
            row["model"],
            row["against"],
            row["metric"],
            (row["difference"], row["low"], row["high"]),
            row["test"],
            row["p"],
            row["p_holm"],
        )
        for row in rows
    ]


def _masks(tested: Sequence[TestedTask], seed: int) -> Measured:
    patients = tested[0].rows["patient"].tolist()
    dice = {one.name: patient_dice(_counts(one.rows), patients) for one in tested}
    figures = {name: {DICE: _interval(_mean(own, seed))} for name, own in dice.items()}
    reference, *others = dice
    p = np.array([wilcoxon(dice[name] - dice[reference]) for name in others])
    if too_few(len(dice[reference])):
        p[:] = np.nan
    return figures, [
        Difference(
            name,
            reference,
            DICE,
            _interval(mean_difference(dice[name], dice[reference], seed)),
            "wilcoxon",
            own,
            corrected,
        )
        for name, own, corrected in zip(others, p, _corrected(p), strict=True)
    ]


def _corrected(p: Floats) -> Floats:
    return p if np.isnan(p).any() else holm(p)


def _mean(dice: Floats, seed: int) -> BootstrapEstimate:
    return estimates(lambda weights: dice_figures(dice, weights), len(dice), seed)[DICE]


def _counts(rows: pd.DataFrame) -> list[tuple[int, int, int]]:
    return [
        count_pixels(*(decode_mask(code, height, width) for code in (predicted, truth)))
        for predicted, truth, height, width in rows[
            ["predicted", "truth", "height", "width"]
        ].itertuples(index=False)
    ]


def _interval(estimate: BootstrapEstimate) -> Interval:
    return (estimate.value, *estimate.interval())
