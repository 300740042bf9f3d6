"""What a search leaves of its trials: the tables and the figures of merit."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import pandas as pd

from scanvote.training import TrainingResult, TrainingSpec


class TrialLog(Protocol):
    """Where a trial can be followed while it trains."""

    def epoch(self, step: int, scores: Mapping[str, float]) -> None: ...

    def result(self, metrics: Mapping[str, float]) -> None: ...


TrialLogger = Callable[[str, Mapping[str, Any]], AbstractContextManager[TrialLog]]


@dataclass
class Trial:
    """A point of the grid, trained or failed."""

    name: str
    hyperparameters: dict[str, Any]
    network: Callable[[], keras.Model]
    spec: TrainingSpec
    trained: TrainingResult | None = None
    problem: str = ""


def trials_table(trials: list[Trial], ranked: list[Trial]) -> pd.DataFrame:
    """A trial a row, the best first, the failed last."""
    failed = [trial for trial in trials if not trial.trained]
    # a trial has only the choices that count for it; `epochs` is the last of all
    asked = {name for trial in trials for name in trial.hyperparameters}
    names = sorted(asked, key=lambda name: (name == "epochs", name))
    rows = []
    for place, trial in enumerate(ranked + failed, start=1):
        row = {"rank": place, "trial": trial.name, **trial.hyperparameters}
        if trial.trained:
            row |= {"parameters": trial.trained.parameters, **trial.trained.best}
            row |= {"epochs_run": len(trial.trained.history)}
        rows.append(row | {"digest": trial.spec.cache_dir.name, "problem": trial.problem})
    table = pd.DataFrame(rows)
    first = ["rank", "trial", *names]
    return table[[*first, *table.columns.difference(first, sort=False)]]


def curves_table(best: list[Trial], top: int) -> pd.DataFrame:
    """An epoch a row; a column for each place and score, empty where training had ended."""
    curves = {}
    for place in range(1, top + 1):
        history = best[place - 1].trained.history if place <= len(best) else []  # type: ignore[union-attr]
        for score in best[0].trained.best:  # type: ignore[union-attr]
            curves[f"{score}_{place}"] = pd.Series([epoch[score] for epoch in history], dtype=float)
    return pd.DataFrame(curves).rename_axis("epoch").reset_index()


def trials_metrics(trials: list[Trial], best: Trial) -> dict[str, float]:
    assert best.trained is not None
    return {
        "trials": len(trials),
        "failed_trials": sum(not trial.trained for trial in trials),
        "best_parameters": best.trained.parameters,
        **{f"best_{name}": round(score, 6) for name, score in best.trained.best.items()},
    }
