"""Whether probabilities mean what they say, of each scan; their means are the figures."""

import numpy as np

from scanvote.metrics.ranking import Floats
from scanvote.metrics.results import ClassifierOutput

BINS = 15


def brier(answers: ClassifierOutput) -> Floats:
    """(n,) the squared distance of the probabilities from the truth, halved (Brier 1950).

    Halved it lies between 0 and 1, and is that of the one class where there are two.
    """
    truth = np.eye(len(answers.labels))[answers.truth]
    return np.asarray(((answers.probabilities - truth) ** 2).sum(axis=1) / 2)


def confidence(answers: ClassifierOutput) -> Floats:
    """(n,) the probability of the class that was said."""
    return np.asarray(answers.probabilities[np.arange(len(answers.predicted)), answers.predicted])


def calibration_gap(answers: ClassifierOutput) -> Floats:
    """(n, BINS) how much surer than right a scan is, in the bin of its confidence, else 0.

    The bins are equally wide, each with its upper border. The expected calibration error
    (Guo et al. 2017) is the sum over the bins of the size of their sums, over the scans.
    """
    sure = confidence(answers)
    bins = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)
    excess = sure - (answers.predicted == answers.truth)
    return np.asarray(np.where(bins[:, None] == np.arange(BINS), excess[:, None], 0.0))
