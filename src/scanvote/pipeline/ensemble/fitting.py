"""What the rules of the vote learn, from the scans of validation alone.

Small validation sets are the rule here, so each fit has something to lean on: about one scan's
worth of the belief that the members are equal, and that their classes mean what they say.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.ensemble.calibration import EPSILON, Probabilities, fit_temperature
from scanvote.pipeline.ensemble.vote import (
    RULES,
    Stacking,
    Vote,
    calibrated,
    log_probability_features,
)

STRENGTH = 0.1
"""Variance of the coefficients' Gaussian prior in stacking: the mean logarithm of three members has
coefficients of a third, which is its standard deviation. It is fixed, as a cross-validation could
not keep patients together, whom the tables do not name. On simulated tables of 60 to 600 scans the
cross-entropy was 1 to 7 % lower than with a variance of 1, and 5 to 10 % higher on tables of 20."""
_GAP = 1e-9
_ROUNDS = 20_000
_DIGITS = 9

Truth = NDArray[np.int64]


def fit_votes(
    labels: Sequence[str],
    temperatures: dict[str, float],
    raw: Probabilities,
    truth: Truth,
    calibrate: bool,
) -> dict[str, Vote]:
    """The vote by each rule; they differ in the rule and in the temperature of the vote.

    Args:
        labels: names of the C classes.
        temperatures: of the M members, by their names.
        raw: (M, n, C), their probabilities on validation.
        truth: (n,), the index of each class.
        calibrate: fit a temperature of each vote; else it is 1.
    """
    degrees = tuple(temperatures.values())
    members = calibrated(raw, degrees)
    plain = Vote(
        rule="soft",
        labels=tuple(labels),
        members=tuple(temperatures),
        temperatures=degrees,
        weights=fit_weights(members, truth),
        stacking=fit_stacking(members, truth),
    )
    votes = {rule: replace(plain, rule=rule) for rule in RULES}
    if not calibrate:
        return votes
    return {
        rule: replace(vote, temperature=fit_temperature(vote(raw).probabilities, truth))
        for rule, vote in votes.items()
    }


def fit_weights(members: Probabilities, truth: Truth) -> tuple[float, ...]:
    """The weights of the mean with the least cross-entropy, (M,), with the sum 1.

    One scan more that speaks for all members alike keeps them off 0, and equal where the members
    are. By expectation maximisation of a mixture (Dempster et al., 1977), from equal weights; the
    problem is concave, and the largest gradient bounds what is left to gain, which ends it.

    Args:
        members: (M, n, C), tempered.
        truth: (n,), the index of each class.
    """
    of_truth = np.maximum(members[:, np.arange(len(truth)), truth], EPSILON)
    count, scans = of_truth.shape
    weights = np.full(count, 1 / count)
    for _ in range(_ROUNDS):
        gain = ((of_truth / (weights @ of_truth)).sum(axis=1) + 1 / (count * weights)) / (scans + 1)
        weights = weights * gain
        if gain.max() < 1 + _GAP:
            break
    return _rounded(weights / weights.sum())


def fit_stacking(members: Probabilities, truth: Truth) -> Stacking:
    """A multinomial logistic regression with an L2 penalty, on the logarithms.

    One scan more of each class, of which every member is as sure as the rule of succession allows
    after n scans, stands for the belief that their classes mean what they say: so none is absent.

    Args:
        members: (M, n, C), tempered.
        truth: (n,), the index of each class.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import, and rarely asked for

    count, scans, classes = members.shape
    doubt = 1 / (scans + 2)
    believed = doubt / (classes - 1) + (1 - doubt * classes / (classes - 1)) * np.eye(classes)
    model = LogisticRegression(C=STRENGTH, tol=1e-8, solver="newton-cholesky")
    every = log_probability_features(
        np.concatenate([members, np.stack([believed] * count)], axis=1)
    )
    model.fit(every, np.concatenate([truth, np.arange(classes)]))
    coefficients, intercepts = model.coef_, model.intercept_
    if classes == 2:  # scikit-learn has the second class's alone, against the first
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([[0.0], intercepts])
    return Stacking(tuple(map(_rounded, coefficients)), _rounded(intercepts))


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    """As they are written: what the file says is what votes."""
    return tuple(np.round(values, _DIGITS).tolist())
