"""How far classifiers say the same, beyond what chance would make them."""

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import confusions


def kappa(one: np.ndarray, other: np.ndarray) -> float:
    """Cohen's kappa (1960): 1 says always the same, 0 as often as by chance.

    Args:
        one, other: (n,), n > 0, the class that each gives every scan.
    """
    if (one == other).all():  # also where both know one class only, and 0 / 0 would be asked for
        return 1.0
    words, codes = np.unique(np.concatenate([one, other]), return_inverse=True)
    first, second = codes.reshape(2, -1)
    counts = confusions(np.zeros(len(one), int), first, second, len(words))[0]
    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / len(one)
    apart = 1 - np.eye(len(words))
    return float(1 - (apart * counts).sum() / (apart * by_chance).sum())


def agreement(said: pd.DataFrame) -> pd.DataFrame:
    """Every two of those who speak: `model`, `other`, `kappa`, and the `share` of the same scans.

    Args:
        said: a scan a row, a column for each: the class.
    """
    places, _ = pd.factorize(said.to_numpy().ravel())  # numbers, as words are slow to compare
    codes = pd.DataFrame(places.reshape(said.shape), columns=said.columns)
    rows = [
        {
            "model": one,
            "other": other,
            "kappa": round(kappa(codes[one].to_numpy(), codes[other].to_numpy()), 6),
            "share": round(float((codes[one] == codes[other]).mean()), 6),
        }
        for one in codes
        for other in codes
    ]
    return pd.DataFrame(rows)
