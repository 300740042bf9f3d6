"""Trials of a search, their tables and their metrics."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import pandas as pd

from scanvote.training import TrainingResult, TrainingSpec


class TrialLog(Protocol):
    """Log of a trial: tags, scores after each epoch, metrics at the end."""

    def tag(self, name: str, value: str) -> None: ...

    def epoch(self, step: int, scores: Mapping[str, float]) -> None: ...

    def result(self, metrics: Mapping[str, float]) -> None: ...


TrialLogger = Callable[[str, Mapping[str, Any]], AbstractContextManager[TrialLog]]


@dataclass
class Trial:
    """Hyperparameters and their training, not run yet, finished or failed.

    Attributes:
        network: builds the network.
        trained: the result, None before the training and after a failure.
        problem: reason of a failure.
    """

    name: str
    hyperparameters: dict[str, Any]
    network: Callable[[], keras.Model]
    spec: TrainingSpec
    trained: TrainingResult | None = None
    problem: str = ""


def trials_table(trials: list[Trial], ranked: list[Trial]) -> pd.DataFrame:
    """Return one row per trial, the best first, the failed last."""
    failed = [trial for trial in trials if not trial.trained]
    # a trial has only its active hyperparameters; `varied_hyperparameters` needs `epochs` last
    names = sorted(
        {name for trial in trials for name in trial.hyperparameters},
        key=lambda name: (name == "epochs", name),
    )
    rows = []
    for rank, trial in enumerate(ranked + failed, start=1):
        row = {"rank": rank, "trial": trial.name, **trial.hyperparameters}
        if trial.trained:
            row |= {"parameters": trial.trained.parameters, **trial.trained.best}
            row |= {"epochs_run": len(trial.trained.history)}
        rows.append(row | {"digest": trial.spec.cache_dir.name, "problem": trial.problem})
    table = pd.DataFrame(rows)
    first = ["rank", "trial", *names]
    return table[[*first, *table.columns.difference(first, sort=False)]]


def curves_table(best: list[Trial], top: int) -> pd.DataFrame:
    """Return the learning curves of the best trials, one row per epoch.

    There is a column for each rank and score, ``val_loss_1``, empty after the training's end.
    """
    curves = {}
    for rank in range(1, top + 1):
        history = best[rank - 1].trained.history if rank <= len(best) else []  # type: ignore[union-attr]
        for score in best[0].trained.best:  # type: ignore[union-attr]
            curves[f"{score}_{rank}"] = pd.Series([epoch[score] for epoch in history], dtype=float)
    return pd.DataFrame(curves).rename_axis("epoch").reset_index()


def trials_metrics(trials: list[Trial], best: Trial) -> dict[str, float]:
    """Return the number of trials and failures, and the best scores."""
    assert best.trained is not None
    return {
        "trials": len(trials),
        "failed_trials": sum(not trial.trained for trial in trials),
        "best_parameters": best.trained.parameters,
        **{f"best_{name}": round(score, 6) for name, score in best.trained.best.items()},
    }
