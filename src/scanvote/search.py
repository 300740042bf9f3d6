"""search: Keras Tuner over the grid of one family; the best models and their predictions."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from scanvote.ahead import train_ahead
from scanvote.bench import Bench
from scanvote.errors import InputError
from scanvote.figures import choices_figure, curves_figure
from scanvote.files import write_csv
from scanvote.models.brief import as_classes
from scanvote.params import Family, Params
from scanvote.predictions import class_predictions
from scanvote.progress import Progress, progress_bar
from scanvote.training import (
    Scores,
    Trained,
    TrainingFailed,
    restore_model,
    train,
)
from scanvote.training.batches import predict
from scanvote.training.loop import OnEpoch
from scanvote.trials import Record, Trial, curves_table, trials_metrics, trials_table
from scanvote.tuning import walk


def search(
    family: Family, prepared: Path, params: Params, out: Path, record: Record
) -> dict[str, float]:
    """Search the grid of `family`, and write its best models and tables to `out`.

    - ``1.keras``, ``2.keras``…: the best `ensemble.top` models, best first
    - ``trials.csv``: every trial with its hyperparameters and validation scores
    - ``choices.png``: the scores by the value of each hyperparameter
    - ``curves.csv`` and ``curves.png``: of the best models, an epoch a row
    - ``predictions.csv``: of the best models, on validation and test

    Args:
        family: whose grid.
        prepared: folder of the shards, `data/prepared/classification`.
        params: the whole of params.yaml.
        out: `models/search/<family>`.
        record: opens the log of a trial, by its name and hyperparameters.

    Returns:
        Flat metrics of the best trial, and how many trials there were.

    Raises:
        InputError: every trial failed, or the family's params cannot be met.
    """
    bench = Bench(family, prepared, params)
    if params.search.workers > 1:
        train_ahead(bench, prepared)
    trials = _run_trials(bench, record)
    ranked = sorted((t for t in trials if t.trained), key=bench.rank)
    if not ranked:
        raise InputError(f"every trial of {family} failed, the first: {trials[0].problem}")
    best = ranked[: params.ensemble.top]
    _copy_models(best, out)
    _write_trials(bench, trials_table(trials, ranked), curves_table(best, params.ensemble.top), out)
    write_csv(_predictions(bench, best, out), out / "predictions.csv")
    return trials_metrics(trials, best[0])


def _write_trials(bench: Bench, table: pd.DataFrame, curves: pd.DataFrame, out: Path) -> None:
    """The tables of the trials and of the best ones' curves, each with its figure."""
    write_csv(table, out / "trials.csv")
    write_csv(curves, out / "curves.csv")
    score = f"val_{bench.params.search.objective}"
    title = f"{bench.family}: {len(table)} trials"
    curves_figure(curves, score, f"{title}, the best of them", out / "curves.png")
    choices_figure(table, score, title, out / "choices.png")


def _run_trials(bench: Bench, record: Record) -> list[Trial]:
    """Every trial once, in the order the algorithm proposed them."""
    trials: dict[Path, Trial] = {}
    search = bench.params.search
    with progress_bar(f"Search {bench.family}") as progress:

        def run(values: dict[str, Any], epochs: int) -> float:
            trial = bench.trial(values, epochs)
            following = _follow(progress, len(trials), bench, trial, trials.values())
            trials[trial.job.memory] = trial
            try:
                trial.trained = _run_trial(trial, record, following)
            except TrainingFailed as error:
                trial.problem = str(error)
                raise
            bench.forget_the_worse(trials.values())
            return bench.worth(trial.trained)

        walk(bench.space, run, search, bench.walk_seed)
    return list(trials.values())


def _follow(
    progress: Progress, done: int, bench: Bench, trial: Trial, before: Iterable[Trial]
) -> OnEpoch:
    """Shows the trial, its epoch, and the best score before it."""
    search, key = bench.params.search, bench.schedule.key
    best = min((key(t.trained.best) for t in before if t.trained), default=None)
    so_far = "" if best is None else f", best {search.objective} {abs(best[0]):.3f}"

    def on_epoch(epoch: int, scores: Scores) -> None:
        share = (epoch + 1) / trial.values["epochs"]
        progress(done + share, search.max_trials, f"{trial.name}{so_far}")

    return on_epoch


def _run_trial(trial: Trial, record: Record, follow: OnEpoch) -> Trained:
    with record(trial.name, trial.values) as log:

        def on_epoch(epoch: int, scores: Scores) -> None:
            log.epoch(epoch, scores)
            follow(epoch, scores)

        trained = train(trial.network, trial.job, on_epoch)
        best = {f"best_{name}": score for name, score in trained.best.items()}
        cost = ("parameters", "seconds", "images_per_second", "memory_mib")
        log.result({**best, **{name: getattr(trained, name) for name in cost}})
    return trained


def _copy_models(best: list[Trial], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for place, trial in enumerate(best, start=1):
        restore_model(trial.network, trial.job)  # if somebody tidied the cache
        shutil.copyfile(trial.job.memory / "model.keras", out / f"{place}.keras")


def _predictions(bench: Bench, best: list[Trial], out: Path) -> pd.DataFrame:
    """One table: the best models' rows on validation and test, model by model."""
    tables = []
    for place, trial in enumerate(best, start=1):
        model = keras.saving.load_model(out / f"{place}.keras", compile=False)
        for split in ("validation", "test"):
            shard, size = bench.splits[split], bench.params.search.batch_size
            predicted = as_classes(predict(model, shard["images"], size))
            name = f"{bench.family}/{trial.name}"
            tables.append(class_predictions(name, split, shard, predicted, bench.labels))
    return pd.concat(tables, ignore_index=True)
