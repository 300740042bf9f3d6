"""The chief figures of a classifier with their 95 % intervals, over groups."""

import numpy as np
import pandas as pd

from scanvote.metrics.ranking import Floats, Ranking
from scanvote.predictions import labels_of
from scanvote.statistics import (
    Counts,
    Integers,
    accuracy,
    confusions,
    group_weights,
    interval,
    macro_f1,
    resampled,
)

SPECIFICITY = 0.9


def chief_intervals(
    table: pd.DataFrame, groups: Integers, positive: str | None, seed: int
) -> dict[str, float]:
    """Accuracy, macro F1 and AUROC, each with `_low` and `_high`.

    Of two classes also the sensitivity at a specificity of 0.9.

    Args:
        table: rows of `predictions.csv` of one model and one split.
        groups: (n,) the group of each row, from 0: what is drawn with replacement.
        positive: the class not to miss, None where there are not two.
        seed: of the draws.
    """
    labels = labels_of(table)
    codes = {label: code for code, label in enumerate(labels)}
    truth, guess = (table[name].map(codes).to_numpy(int) for name in ("label", "predicted"))
    counts: Counts = confusions(groups, truth, guess, len(labels))
    draws = resampled(counts, seed)
    found: dict[str, float] = {}
    for name, statistic in (("accuracy", accuracy), ("macro_f1", macro_f1)):
        found |= _with_interval(name, float(statistic(counts.sum(axis=0))), statistic(draws))
    one = np.ones((1, len(table)))
    drawn = [_ranked(table, positive, weights) for weights in group_weights(groups, seed)]
    for name, value in _ranked(table, positive, one).items():
        values = np.concatenate([block[name] for block in drawn])
        found |= _with_interval(name, float(value[0]), values)
    return found


def _ranked(table: pd.DataFrame, positive: str | None, weights: Floats) -> dict[str, Floats]:
    ranking = {
        label: Ranking.of(
            (table["label"] == label).to_numpy(), table[f"p_{label}"].to_numpy(float), weights
        )
        for label in labels_of(table)
    }
    areas = np.stack([one.auroc() for one in ranking.values()])
    figures = {"auroc": areas.mean(axis=0)}
    if positive is not None:
        name = f"sensitivity_at_specificity_{round(100 * SPECIFICITY)}"
        figures[name] = ranking[positive].sensitivity_at(SPECIFICITY)
    return figures


def _with_interval(name: str, value: float, values: Floats) -> dict[str, float]:
    low, high = interval(values) if np.isfinite(values).any() else (np.nan, np.nan)
    return {name: value, f"{name}_low": low, f"{name}_high": high}
