"""Agreement between classifiers beyond chance."""

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import confusions


def kappa(one: np.ndarray, other: np.ndarray) -> float:
    """Return Cohen's kappa (1960) of two classifiers.

    1 means that they always agree, 0 that they agree as often as by chance.

    Args:
        one, other: (n,), n > 0, the class that each of them predicts for every scan.
    """
    if (one == other).all():  # with one class only, the formula below would be 0 / 0
        return 1.0
    names, codes = np.unique(np.concatenate([one, other]), return_inverse=True)
    first, second = codes.reshape(2, -1)
    counts = confusions(np.zeros(len(one), int), first, second, len(names))[0]
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / len(one)
    disagree = 1 - np.eye(len(names))
    return float(1 - (disagree * counts).sum() / (disagree * expected).sum())


def agreement(predicted: pd.DataFrame) -> pd.DataFrame:
    """Return kappa and raw agreement of every pair of classifiers.

    Args:
        predicted: a row for each scan, a column for each classifier: the class.

    Returns:
        A row for each ordered pair: `model`, `other`, `kappa`, and `share`, the share of the scans
        for which both predict the same class.
    """
    codes, _ = pd.factorize(predicted.to_numpy().ravel())  # comparing strings would be slow
    table = pd.DataFrame(codes.reshape(predicted.shape), columns=predicted.columns)
    rows = [
        {
            "model": one,
            "other": other,
            "kappa": round(kappa(table[one].to_numpy(), table[other].to_numpy()), 6),
            "share": round(float((table[one] == table[other]).mean()), 6),
        }
        for one in table
        for other in table
    ]
    return pd.DataFrame(rows)
