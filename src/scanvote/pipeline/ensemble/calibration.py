"""Temperature scaling: one number by which a classifier is as sure as it is right.

Guo et al. (2017), On Calibration of Modern Neural Networks. The networks' logits are not kept;
the logarithms of their probabilities are the same up to a constant, which softmax drops.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

EPSILON = 5e-7
"""Half a unit of the last digit that the tables keep: what stands for a probability of 0."""
BOUNDS = (0.05, 20.0)
"""Of a fitted temperature."""

Probabilities = NDArray[np.float64]


def log_probabilities(probabilities: Probabilities) -> Probabilities:
    """Of probabilities (…, C), a probability of 0 taken for `EPSILON`."""
    return np.log(np.clip(probabilities, EPSILON, 1))


def apply_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Probabilities (…, C) made less sure (above 1) or surer (below 1), in the same order.

    A temperature of 1 leaves them as they are.
    """
    if temperature == 1:
        return np.asarray(probabilities, float)
    return np.asarray(softmax(log_probabilities(probabilities) / temperature, axis=-1))


def fit_temperature(probabilities: Probabilities, truth: NDArray[np.int64]) -> float:
    """The temperature of the least cross-entropy, within `BOUNDS`, to 6 digits.

    A classifier that is right on every one of n scans would get a temperature of 0 and be sure
    for ever. So the truth of each scan counts 1 − 1/(n + 2), and the other classes share the
    rest: the rule of succession, as Platt (1999) has it for his sigmoid. The cross-entropy is
    convex in 1/temperature, hence its slope has one root. Where no class of any scan is likelier
    than another, every temperature says the same, and it stays 1.

    Args:
        probabilities: (n, C), n at least 1.
        truth: (n,), the index of each class.
    """
    from scipy.optimize import brentq

    logs = log_probabilities(probabilities)
    if np.ptp(logs, axis=1).max() < 1e-12:
        return 1.0
    target = _smoothed(truth, logs.shape[1])

    def slope(temperature_log: float) -> float:
        guess = softmax(logs * np.exp(-temperature_log), axis=1)
        return float(((target - guess) * logs).sum())

    coldest, hottest = np.log(BOUNDS)
    if slope(coldest) >= 0:
        return BOUNDS[0]
    if slope(hottest) <= 0:
        return BOUNDS[1]
    return round(float(np.exp(brentq(slope, coldest, hottest, xtol=1e-9))), 6)


def _smoothed(truth: NDArray[np.int64], classes: int) -> Probabilities:
    """(n, classes), what each class of a scan counts."""
    doubt = 1 / (len(truth) + 2)
    target = np.full((len(truth), classes), doubt / (classes - 1))
    target[np.arange(len(truth)), truth] = 1 - doubt
    return target
