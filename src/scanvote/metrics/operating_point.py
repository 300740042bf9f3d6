"""Operating point of two classes, one of which must not be missed."""

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import Integers


def threshold(validation: pd.DataFrame, positive: str, sensitivity: float) -> float:
    """Return the highest threshold that reaches the sensitivity on validation.

    A scan is called `positive` if its probability is not below the threshold.

    Args:
        validation: rows of one model.
        positive: the class not to miss.
        sensitivity: the share of its validation scans that must be found.
    """
    found = np.sort(validation.loc[validation["label"] == positive, f"p_{positive}"])[::-1]
    needed = int(np.ceil(sensitivity * len(found) - 1e-9))
    return float(found[max(needed, 1) - 1]) if len(found) else 0.5


def at_threshold(test: pd.DataFrame, positive: str, min_probability: float) -> dict[str, float]:
    """Count missed scans and false alarms at a threshold.

    Args:
        test: rows of one model.
        positive: the class not to miss.
        min_probability: a scan is called `positive` from this probability on.
    """
    truth = (test["label"] == positive).to_numpy()
    called = (test[f"p_{positive}"] >= min_probability).to_numpy()
    return {
        "threshold": min_probability,
        "missed": int((truth & ~called).sum()),
        "false_alarms": int((~truth & called).sum()),
    }


def groups_at_threshold(
    test: pd.DataFrame, groups: Integers, positive: str, min_probability: float
) -> dict[str, int]:
    """Count missed patients and false alarms at a threshold.

    A group is found if any of its scans of `positive` is called so.

    Args:
        test: rows of one model.
        groups: (n,), the group of each row.
        positive: the class not to miss.
        min_probability: a scan is called `positive` from this probability on.

    Returns:
        `positive_groups`, the groups with a scan of `positive`; `missed_groups`, those without any
        found; `negative_groups`, all others; and `false_alarm_groups`, the negative groups with any
        scan called positive.
    """
    truth = (test["label"] == positive).to_numpy()
    called = (test[f"p_{positive}"] >= min_probability).to_numpy()
    ill, found, alarmed = (set(groups[one]) for one in (truth, truth & called, ~truth & called))
    return {
        "positive_groups": len(ill),
        "missed_groups": len(ill - found),
        "negative_groups": len(set(groups) - ill),
        "false_alarm_groups": len(alarmed - ill),
    }
