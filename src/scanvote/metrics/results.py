"""What a model said of scans, as arrays: what every figure of a classifier is taken from."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import Counts, Integers, confusions
from scanvote.metrics.ranking import Bools, Floats
from scanvote.predictions import labels_of, probabilities


@dataclass(frozen=True)
class OperatingPoint:
    """Of two classes the one not to miss, and the probability from which a scan is called so."""

    code: int
    threshold: float

    def apply(self, probabilities: Floats) -> Integers:
        """(n,) int, the class that each scan is called, of probabilities (n, 2)."""
        return np.where(probabilities[:, self.code] >= self.threshold, self.code, 1 - self.code)


@dataclass(frozen=True)
class ClassifierOutput:
    """The truth of n scans and what was said of them.

    Attributes:
        labels: names of the C classes.
        truth, guess: (n,) int, the class of each scan, and the one that it was said to have.
        probabilities: (n, C).
        groups: (n,) int, whose each scan is, from 0, no number left out.
        point: where the model is operated; None where there are not two classes.
        negative: code of the class without the finding; None: no class is set apart.
    """

    labels: tuple[str, ...]
    truth: Integers
    predicted: Integers
    probabilities: Floats
    groups: Integers
    point: OperatingPoint | None = None
    negative: int | None = None

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        groups: Integers | None = None,
        point: OperatingPoint | None = None,
    ) -> "ClassifierOutput":
        """From rows of `predictions.csv` of one model; without `groups` each scan is for itself."""
        labels = labels_of(table)
        codes = {label: code for code, label in enumerate(labels)}
        truth, guess = (table[name].map(codes).to_numpy(int) for name in ("label", "predicted"))
        own = np.arange(len(table)) if groups is None else groups
        return cls(tuple(labels), truth, guess, probabilities(table), own, point)

    @property
    def group_count(self) -> int:
        return int(self.groups.max(initial=-1)) + 1

    @property
    def present_classes(self) -> Bools:
        """(C,) which classes the scans have."""
        return np.bincount(self.truth, minlength=len(self.labels)) > 0

    def is_class(self, code: int) -> Bools:
        """(n,) which scans have the class."""
        return np.asarray(self.truth == code)

    def counts(self) -> Counts:
        """(groups, C, C), the confusion matrix of each group."""
        return confusions(self.groups, self.truth, self.predicted, len(self.labels))

    @property
    def positive(self) -> Bools:
        """(n,) which scans have a class other than the negative one; none of no such class."""
        return np.asarray((self.truth != self.negative) & (self.negative is not None))

    def groups_with(self, scans: Bools) -> int:
        """How many groups have one of the scans, bool (n,)."""
        return len(np.unique(self.groups[scans]))

    def subset(self, scans: Bools) -> "ClassifierOutput":
        """Of some scans only, bool (n,); their groups numbered anew."""
        return replace(
            self,
            truth=self.truth[scans],
            predicted=self.predicted[scans],
            probabilities=self.probabilities[scans],
            groups=np.unique(self.groups[scans], return_inverse=True)[1],
        )

    def sum_by_group(self, values: Floats) -> Floats:
        """(groups, …): the sums over each group's scans of values (n, …)."""
        found = np.zeros((self.group_count, *values.shape[1:]))
        np.add.at(found, self.groups, values)
        return found


def majority_baseline(answers: ClassifierOutput, shares: Floats) -> ClassifierOutput:
    """Who says of every scan the class with the largest of `shares`, (C,), its probabilities."""
    said = np.broadcast_to(shares, answers.probabilities.shape)
    guess = np.full_like(answers.predicted, shares.argmax())
    return replace(answers, predicted=guess, probabilities=said, point=None)
