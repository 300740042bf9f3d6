"""Temperature scaling: one number that matches a classifier's confidence to its accuracy.

Guo et al. (2017), On Calibration of Modern Neural Networks. The networks' logits are not stored;
the logarithms of their probabilities equal them up to a constant, which cancels in softmax.
"""

import numpy as np
from numpy.typing import NDArray

EPSILON = 5e-7
"""Replacement of a probability of 0: half a unit of the last digit in the tables."""
BOUNDS = (0.05, 20.0)
"""Limits of a fitted temperature."""

Probabilities = NDArray[np.float64]


def log_probabilities(probabilities: Probabilities) -> Probabilities:
    """Return logarithms of probabilities (…, C), with `EPSILON` instead of 0."""
    return np.log(np.clip(probabilities, EPSILON, 1))


def apply_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Return probabilities (…, C) scaled by a temperature.

    Above 1 the confidence falls, below 1 it rises; the order stays. A temperature of 1 changes
    nothing.
    """
    if temperature == 1:
        return np.asarray(probabilities, float)
    return softmax(log_probabilities(probabilities) / temperature)


def softmax(scores: Probabilities) -> Probabilities:
    """Return probabilities (…, C) of scores, to the bit as SciPy, whose import takes long."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def fit_temperature(probabilities: Probabilities, truth: NDArray[np.int64]) -> float:
    """Fit the temperature with the lowest cross-entropy, within `BOUNDS`, to 6 digits.

    A classifier that is right on all n scans would get a temperature of 0 and always be certain. So
    the true class of each scan has the target 1 − 1/(n + 2), and the other classes share the rest:
    the rule of succession, as in Platt (1999) for his sigmoid. The cross-entropy is convex in
    1/temperature, hence its slope has one root. If the classes of every scan are equally likely,
    every temperature gives the same, and it stays 1.

    Args:
        probabilities: (n, C), n at least 1.
        truth: (n,), the index of each class.
    """
    from scipy.optimize import brentq

    logs = log_probabilities(probabilities)
    if np.ptp(logs, axis=1).max() < 1e-12:
        return 1.0
    target = _smoothed_targets(truth, logs.shape[1])

    def slope(temperature_log: float) -> float:
        predicted = softmax(logs * np.exp(-temperature_log))
        return float(((target - predicted) * logs).sum())

    coldest, hottest = np.log(BOUNDS)
    if slope(coldest) >= 0:
        return BOUNDS[0]
    if slope(hottest) <= 0:
        return BOUNDS[1]
    return round(float(np.exp(brentq(slope, coldest, hottest, xtol=1e-9))), 6)


def _smoothed_targets(truth: NDArray[np.int64], classes: int) -> Probabilities:
    """Return the targets of the cross-entropy, (n, classes)."""
    doubt = 1 / (len(truth) + 2)
    target = np.full((len(truth), classes), doubt / (classes - 1))
    target[np.arange(len(truth)), truth] = 1 - doubt
    return target
