"""How good a model is: the summary that stands wherever it answers.

The stage `evaluate` writes it as ``metrics/evaluate/<task>/performance.json``; the report, the
package with its card, `scanvote predict`, the page, REST and `scanvote compare` read it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import ValidationError

from scanvote.core.errors import InputError
from scanvote.core.files import write_json
from scanvote.metrics.bootstrap import ENDS, BootstrapEstimate, no_interval, number_of
from scanvote.params.section import Section, Task

NAME = "performance.json"

Verdict = Literal["better", "worse", "no difference shown", "too few groups"]


def verdict(difference: BootstrapEstimate) -> Verdict:
    """Judge a paired difference by its 95 % interval."""
    low, high = difference.interval()
    if np.isnan(low):
        return "too few groups"
    return "better" if low > 0 else "worse" if high < 0 else "no difference shown"


class Estimate(Section):
    """A metric with its 95 % interval; None where undefined or where groups are too few.

    Attributes:
        groups: number of groups (or patients) that the metric rests on.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    groups: int | None = None

    @classmethod
    def of(cls, estimate: BootstrapEstimate) -> Self:
        value, low, high = (_finite(one) for one in (estimate.value, *estimate.interval()))
        return cls(value=value, low=low, high=high, groups=estimate.groups)

    @classmethod
    def of_metrics(cls, metrics: Mapping[str, float], name: str, groups: int) -> Self:
        """Read a flat metric with its ``_low`` and ``_high``."""
        value, low, high = (_finite(metrics[f"{name}{end}"]) for end in ENDS)
        return cls(value=value, low=low, high=high, groups=groups)

    def words(self, of: str = "group") -> str:
        """Return ``0.917 (95 % interval 0.861–0.962)``, or why there is no interval.

        Args:
            of: the unit that the metric rests on, in the singular.
        """
        if self.value is None:
            return "undefined"
        if self.low is None or self.high is None:
            reason = f" ({no_interval(self.groups, of)})" if self.groups is not None else ""
            return f"{self.value:.3f}{reason}"
        return f"{self.value:.3f} (95 % interval {self.low:.3f}–{self.high:.3f})"


def _finite(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


class ClassificationPerformance(Section):
    """The vote on the test scans.

    Attributes:
        scans, groups: numbers of test scans, and of their groups (patients, or scans that belong
            together).
        scans_patient_known: test scans whose patient is known.
        accuracy, macro_f1, auroc: of the vote.
        frequent_class: the most frequent class of the data, by the validation split.
        frequent_accuracy: accuracy of always naming it.
        against_frequent: the vote's accuracy against that one.
        absent: the classes that the test lacks, of so many `classes`; None if it has all.
        only_class: the class that the vote names for every test scan; None if it names several.
        positive: the class not to miss, of two classes.
        negative: the class without the finding, of more classes.
        threshold: the smallest probability of `positive` at the operating point.
        sensitivity, specificity: of `positive` at the operating point; None without one.
    """

    scans: int
    groups: int
    scans_patient_known: int
    accuracy: Estimate
    macro_f1: Estimate
    auroc: Estimate
    frequent_class: str
    frequent_accuracy: float | None
    against_frequent: Verdict
    absent: list[str] | None = None
    classes: int = 0
    only_class: str | None = None
    positive: str | None = None
    negative: str | None = None
    threshold: float | None = None
    sensitivity: Estimate | None = None
    specificity: Estimate | None = None

    def sentences(self) -> list[str]:
        """Say how good the vote is, the doubts first."""
        frequent = f"always naming {self.frequent_class}, the most frequent class"
        against = _against(
            "The vote's accuracy", self.against_frequent, frequent, self.frequent_accuracy
        )
        figures = [self._figures(), *self._operating_point()]
        if self.against_frequent == "better" and self.only_class is None:
            return [*self._absent(), *figures, against]
        return [*self._absent(), *self._constant(), against, *figures]

    def _absent(self) -> list[str]:
        if not self.absent:
            return []
        there = self.classes - len(self.absent)
        return [
            f"The test has no scan of {', '.join(self.absent)}: macro F1 and balanced accuracy are"
            f" of the other {there} of {self.classes} classes, and the AUROC of all is undefined."
        ]

    def _constant(self) -> list[str]:
        if self.only_class is None:
            return []
        return [f"The vote names {self.only_class} for every test scan: it distinguishes nothing."]

    def _figures(self) -> str:
        test = f"{number_of(self.scans, 'test scan')} of {number_of(self.groups, 'group')}"
        known = f"{self.scans_patient_known:,} with a known patient"
        metrics = (
            f"accuracy {self.accuracy.words()}, macro F1 {self.macro_f1.words()},"
            f" AUROC {self.auroc.words()}"
        )
        return f"On {test} ({known}): {metrics}."

    def _operating_point(self) -> list[str]:
        if self.positive is None or self.sensitivity is None or self.specificity is None:
            return []
        start = "" if self.threshold is None else f" from a probability of {self.threshold:.3f} on"
        return [
            f"{self.positive} is the class not to be missed. Called {self.positive}{start}:"
            f" sensitivity {self.sensitivity.words()}, specificity {self.specificity.words()}."
        ]


class SegmentationPerformance(Section):
    """The U-Net's masks of the test patients, after post-processing.

    Attributes:
        patients, slices: numbers of test patients and of their slices.
        slices_patient_known: slices whose patient is known.
        dice: mean over the patients.
        baseline_dice: of the baseline without learning.
        against_baseline: the U-Net's mean Dice against that one.
        empty_dice: of masks that mark nothing.
        against_empty: the U-Net's mean Dice against those.
    """

    patients: int
    slices: int
    slices_patient_known: int
    dice: Estimate
    baseline_dice: float | None
    against_baseline: Verdict
    empty_dice: float | None = None
    against_empty: Verdict | None = None

    def sentences(self) -> list[str]:
        """Say how good the masks are, the doubts first."""
        said = [
            (self.against_empty, "masks that mark nothing", self.empty_dice),
            (self.against_baseline, "the baseline without learning", self.baseline_dice),
        ]
        doubts: list[str] = []
        praise: list[str] = []
        for one, other, dice in said:
            if one is not None:
                kind = praise if one == "better" else doubts
                kind.append(_against("The U-Net's mean Dice", one, other, dice))
        return [*doubts, self._figures(), *praise]

    def _figures(self) -> str:
        test = f"{number_of(self.slices, 'slice')} of {number_of(self.patients, 'test patient')}"
        known = f"{self.slices_patient_known:,} with a known patient"
        return (
            f"On {test} ({known}): mean Dice of the patients after post-processing"
            f" {self.dice.words('patient')}."
        )


def _against(metric: str, one: Verdict, other: str, value: float | None) -> str:
    """Say how a metric compares with that of something simpler."""
    than = f"that of {other}" + ("" if value is None else f" ({value:.3f})")
    return {
        "better": f"{metric} is better than {than}.",
        "worse": f"{metric} is worse than {than}.",
        "no difference shown": (
            f"{metric} is not shown to be better than {than}:"
            " the 95 % interval of the difference includes 0."
        ),
        "too few groups": f"{metric} cannot be compared with {than}: the test is too small.",
    }[one]


Performance = ClassificationPerformance | SegmentationPerformance
OF_TASK: dict[Task, type[Performance]] = {
    "classification": ClassificationPerformance,
    "segmentation": SegmentationPerformance,
}


def write_performance(performance: Performance, folder: Path) -> None:
    """Write `performance` to its file in `folder`."""
    write_json(folder / NAME, performance.model_dump(mode="json"))


def read_performance(task: Task, folder: Path) -> Performance:
    """Read the performance from ``metrics/evaluate/<task>``.

    Raises:
        InputError: there is none.
    """
    path = folder / NAME
    try:
        return OF_TASK[task].model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run `dvc repro evaluate@{task}`") from None
    except (ValueError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is no performance of a model: {reason}") from None
