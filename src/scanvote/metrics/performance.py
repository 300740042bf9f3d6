"""How good a model is: the summary that stands wherever it answers.

The stage `evaluate` writes it as ``metrics/evaluate/<task>/performance.json``; the report, the
package with its card, `scanvote predict`, the page, REST and `scanvote compare` read it.
"""

import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from scanvote.core.errors import InputError
from scanvote.core.files import write_json
from scanvote.params.section import Section, Task

NAME = "performance.json"

Verdict = Literal["better", "worse", "no difference shown", "too few groups"]


class Estimate(Section):
    """A metric with its 95 % interval; None where undefined or where groups are too few."""

    value: float | None
    low: float | None = None
    high: float | None = None


class ClassificationPerformance(Section):
    """The vote on the test scans.

    Attributes:
        scans, groups: numbers of test scans, and of their groups (patients, or scans that belong
            together).
        scans_patient_known: test scans whose patient is known.
        accuracy, macro_f1, auroc: of the vote.
        frequent_class: the most frequent class of the data.
        frequent_accuracy: accuracy of always naming it.
        against_frequent: the vote's accuracy against that one.
        only_class: the class that the vote names for every test scan; None if it names several.
        positive: the class not to miss, of two classes.
        negative: the class without the finding, of more classes.
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
    only_class: str | None = None
    positive: str | None = None
    negative: str | None = None
    sensitivity: Estimate | None = None
    specificity: Estimate | None = None

    def sentences(self) -> list[str]:
        """Say how good the vote is, the doubts first."""
        raise NotImplementedError


class SegmentationPerformance(Section):
    """The U-Net's masks of the test patients.

    Attributes:
        patients, slices: numbers of test patients and of their slices.
        slices_patient_known: slices whose patient is known.
        dice: mean over the patients.
        baseline_dice: of the baseline without learning.
        against_baseline: the U-Net's mean Dice against that one.
    """

    patients: int
    slices: int
    slices_patient_known: int
    dice: Estimate
    baseline_dice: float | None
    against_baseline: Verdict

    def sentences(self) -> list[str]:
        """Say how good the masks are, the doubts first."""
        raise NotImplementedError


Performance = ClassificationPerformance | SegmentationPerformance
_OF_TASK: dict[Task, type[Performance]] = {
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
        return _OF_TASK[task].model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run `dvc repro evaluate@{task}`") from None
    except (ValueError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is no performance of a model: {reason}") from None
