"""Fitting of the vote's parameters on the validation scans alone.

Validation sets are often small, so each fit has a prior: it counts like about one additional scan
that supports equal members whose classes mean what they say.
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
coefficients of a third, which is its standard deviation. It is fixed because a cross-validation
could not keep patients together, as the tables have no patients. On simulated tables of 60 to 600
scans the cross-entropy was 1 to 7 % lower than with a variance of 1, and 5 to 10 % higher on tables
of 20."""
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
    """Fit the vote by each rule.

    The votes differ in the rule and in the temperature of the vote.

    Args:
        labels: names of the C classes.
        temperatures: of the M members, by their names.
        raw: (M, n, C), their probabilities on validation.
        truth: (n,), the index of each class.
        calibrate: fit a temperature of each vote; otherwise it is 1.
    """
    member_temperatures = tuple(temperatures.values())
    members = calibrated(raw, member_temperatures)
    plain = Vote(
        rule="soft",
        labels=tuple(labels),
        members=tuple(temperatures),
        temperatures=member_temperatures,
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
    """Fit the weights of the mean, (M,), by cross-entropy.

    Their sum is 1. One additional scan that supports all members equally keeps the weights above 0,
    and equal if the members are equal. The method is expectation maximisation of a mixture
    (Dempster et al., 1977), from equal weights. The problem is concave, so the largest gradient
    bounds the remaining gain, which is the stopping rule.

    Args:
        members: (M, n, C), calibrated.
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
    """Fit a multinomial logistic regression with L2 penalty on the log probabilities.

    One additional scan of each class, on which every member is as confident as the rule of
    succession allows after n scans, is the prior belief that the members' classes mean what they
    say: so no class is absent.

    Args:
        members: (M, n, C), calibrated.
        truth: (n,), the index of each class.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import, and rarely needed

    count, scans, classes = members.shape
    doubt = 1 / (scans + 2)
    prior = doubt / (classes - 1) + (1 - doubt * classes / (classes - 1)) * np.eye(classes)
    model = LogisticRegression(C=STRENGTH, tol=1e-8, solver="newton-cholesky")
    features = log_probability_features(
        np.concatenate([members, np.stack([prior] * count)], axis=1)
    )
    model.fit(features, np.concatenate([truth, np.arange(classes)]))
    coefficients, intercepts = model.coef_, model.intercept_
    if classes == 2:  # scikit-learn gives only the second class's row, against the first
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([[0.0], intercepts])
    return Stacking(tuple(map(_rounded, coefficients)), _rounded(intercepts))


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Round as in the file, so that both give the same vote."""
    return tuple(np.round(values, _DIGITS).tolist())
