"""Calibration of each scan's probabilities; metrics are means of these values."""

import numpy as np

from scanvote.metrics.ranking import Floats
from scanvote.metrics.results import ClassifierOutput

BINS = 15


def brier(output: ClassifierOutput) -> Floats:
    """Return each scan's Brier score (1950), (n,).

    This is half the squared distance of the probabilities from the truth. The half lies between 0
    and 1, and with two classes it equals the score of one class.
    """
    truth = np.eye(len(output.labels))[output.truth]
    return np.asarray(((output.probabilities - truth) ** 2).sum(axis=1) / 2)


def confidence(output: ClassifierOutput) -> Floats:
    """Return the probability of the predicted class, (n,)."""
    return np.asarray(output.probabilities[np.arange(len(output.predicted)), output.predicted])


def calibration_gap(output: ClassifierOutput) -> Floats:
    """Return confidence minus correctness in the bin of the confidence, (n, BINS).

    The other bins of a scan are 0. The bins are equally wide, each with its upper border. The
    expected calibration error (Guo et al. 2017) is the sum over the bins of the absolute value of
    their sums, divided by the number of scans.
    """
    confidences = confidence(output)
    bins = np.clip(np.ceil(confidences * BINS).astype(int) - 1, 0, BINS - 1)
    excess = confidences - (output.predicted == output.truth)
    return np.asarray(np.where(bins[:, None] == np.arange(BINS), excess[:, None], 0.0))
