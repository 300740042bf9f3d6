"""Two classes, one of which must not be missed: the threshold, and what it costs."""

import numpy as np
import pandas as pd

from scanvote.core.errors import InputError
from scanvote.metrics.bootstrap import Integers
from scanvote.predictions import labels_of


def positive_class(table: pd.DataFrame, wanted: str | None) -> str | None:
    """The class not to miss, None where there are not two.

    Args:
        wanted: ``evaluate.positive``; None: the last in the alphabet.

    Raises:
        InputError: there is no class of that name.
    """
    labels = labels_of(table)
    if wanted is not None and wanted not in labels:
        raise InputError(f"evaluate.positive: {wanted!r} is none of {', '.join(labels)}")
    return (wanted or sorted(labels)[-1]) if len(labels) == 2 else None


def threshold(validation: pd.DataFrame, positive: str, sensitivity: float) -> float:
    """The highest probability of `positive` from which a scan must be called so.

    Args:
        validation: rows of one model.
        positive: the class not to miss.
        sensitivity: the share of its validation scans that must be found.
    """
    found = np.sort(validation.loc[validation["label"] == positive, f"p_{positive}"])[::-1]
    needed = int(np.ceil(sensitivity * len(found) - 1e-9))
    return float(found[max(needed, 1) - 1]) if len(found) else 0.5


def at_threshold(test: pd.DataFrame, positive: str, least: float) -> dict[str, float]:
    """In numbers of scans the missed and the false alarms.

    Args:
        test: rows of one model.
        positive: the class not to miss.
        least: probability from which a scan is called so.
    """
    truth = (test["label"] == positive).to_numpy()
    called = (test[f"p_{positive}"] >= least).to_numpy()
    return {
        "threshold": least,
        "missed": int((truth & ~called).sum()),
        "false_alarms": int((~truth & called).sum()),
    }


def groups_at_threshold(
    test: pd.DataFrame, groups: Integers, positive: str, least: float
) -> dict[str, int]:
    """In numbers of patients: a group is found if any of its scans of `positive` is called so.

    Args:
        test: rows of one model.
        groups: (n,) the group of each row.
        positive: the class not to miss.
        least: probability from which a scan is called so.

    Returns:
        `positive_groups`, those with a scan of it, and `missed_groups`, of whose such scans none
        is called so; `negative_groups`, the others, and `false_alarm_groups`, of whose scans any
        is.
    """
    truth = (test["label"] == positive).to_numpy()
    called = (test[f"p_{positive}"] >= least).to_numpy()
    ill, found, alarmed = (set(groups[one]) for one in (truth, truth & called, ~truth & called))
    return {
        "positive_groups": len(ill),
        "missed_groups": len(ill - found),
        "negative_groups": len(set(groups) - ill),
        "false_alarm_groups": len(alarmed - ill),
    }
