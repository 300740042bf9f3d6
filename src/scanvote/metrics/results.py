"""Output of a classifier as arrays, the input of its metrics."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import Counts, Integers, confusions
from scanvote.metrics.ranking import Bools, Floats
from scanvote.predictions import labels_of, probabilities


@dataclass(frozen=True)
class OperatingPoint:
    """The class that must not be missed, of two, and its threshold.

    Attributes:
        code: code of that class.
        threshold: minimum probability for assigning a scan to that class.
    """

    code: int
    threshold: float

    def apply(self, probabilities: Floats) -> Integers:
        """Return the class of each scan at this threshold, int (n,).

        Args:
            probabilities: (n, 2).
        """
        return np.where(probabilities[:, self.code] >= self.threshold, self.code, 1 - self.code)


@dataclass(frozen=True)
class ClassifierOutput:
    """Truth and prediction of a classifier for n scans.

    Attributes:
        labels: names of the C classes.
        truth, predicted: (n,) int, the class of each scan, and its predicted class.
        probabilities: (n, C).
        groups: (n,) int, the group of each scan, from 0 without gaps.
        point: operating point of the model; None unless there are two classes.
        negative: code of the class without the finding; None if no class has this role.
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
        """Read rows of `predictions.csv` of one model.

        Without `groups`, each scan is a group.
        """
        labels = labels_of(table)
        codes = {label: code for code, label in enumerate(labels)}
        truth, predicted = (table[name].map(codes).to_numpy(int) for name in ("label", "predicted"))
        own = np.arange(len(table)) if groups is None else groups
        return cls(tuple(labels), truth, predicted, probabilities(table), own, point)

    @property
    def group_count(self) -> int:
        return int(self.groups.max(initial=-1)) + 1

    @property
    def present_classes(self) -> Bools:
        """Return which classes have a scan, bool (C,)."""
        return np.bincount(self.truth, minlength=len(self.labels)) > 0

    def is_class(self, code: int) -> Bools:
        """Return which scans have the class, bool (n,)."""
        return np.asarray(self.truth == code)

    def counts(self) -> Counts:
        """Return the confusion matrix of each group, (groups, C, C)."""
        return confusions(self.groups, self.truth, self.predicted, len(self.labels))

    @property
    def positive(self) -> Bools:
        """Return which scans have any class but the negative one.

        bool (n,); all False if there is no negative class.
        """
        return np.asarray((self.truth != self.negative) & (self.negative is not None))

    def groups_with(self, scans: Bools) -> int:
        """Count the groups with at least one of the scans, bool (n,)."""
        return len(np.unique(self.groups[scans]))

    def subset(self, scans: Bools) -> "ClassifierOutput":
        """Keep some scans, bool (n,), and renumber their groups."""
        return replace(
            self,
            truth=self.truth[scans],
            predicted=self.predicted[scans],
            probabilities=self.probabilities[scans],
            groups=np.unique(self.groups[scans], return_inverse=True)[1],
        )

    def sum_by_group(self, values: Floats) -> Floats:
        """Sum values (n, …) over each group's scans, (groups, …)."""
        sums = np.zeros((self.group_count, *values.shape[1:]))
        np.add.at(sums, self.groups, values)
        return sums


def majority_baseline(output: ClassifierOutput, shares: Floats) -> ClassifierOutput:
    """Return a baseline that always predicts the most frequent class.

    Args:
        output: of a model for the same scans.
        shares: (C,), the class shares, used as the probabilities of every scan.
    """
    probabilities = np.broadcast_to(shares, output.probabilities.shape)
    predicted = np.full_like(output.predicted, shares.argmax())
    return replace(output, predicted=predicted, probabilities=probabilities, point=None)
