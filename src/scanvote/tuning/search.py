"""Run a search: train every trial once, keep the best models."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanvote.core.errors import InputError
from scanvote.core.files import copy_file, write_csv
from scanvote.core.progress import Progress, progress_bar
from scanvote.training import Scores, TrainingFailed, TrainingResult, retrain_if_missing, train
from scanvote.training.loop import OnEpoch
from scanvote.tuning.figures import curves_figure, hyperparameter_figure
from scanvote.tuning.study import Study
from scanvote.tuning.trials import Trial, TrialLogger, curves_table, trials_table
from scanvote.tuning.tuner import run_tuner
from scanvote.tuning.workers import train_in_workers


@dataclass(frozen=True)
class SearchResult:
    """The trials of a finished search.

    Attributes:
        trials: all of them, in the order in which the algorithm proposed them.
        ranked: those that did not fail, the best first; those that Hyperband gave a part of the
            epochs come last.
        finished: those of `ranked` that were given all epochs; a search keeps no others.
    """

    trials: list[Trial]
    ranked: list[Trial]
    finished: list[Trial]


def run_search(study: Study, record: TrialLogger) -> SearchResult:
    """Train the trials that the search algorithm proposes.

    Args:
        study: creates the trials.
        record: opens the log of a trial, given its name and hyperparameters.

    Raises:
        InputError: every trial failed, or every one that was given all epochs.
    """
    if (study.params.compute.workers or 1) > 1:
        train_in_workers(study)
    trials = _run_trials(study, record)
    ranked = sorted((t for t in trials if t.trained), key=study.sort_key)
    finished = [trial for trial in ranked if study.is_full(trial)]
    if not finished:
        raise InputError(_nothing_finished(study, trials))
    return SearchResult(trials, ranked, finished)


def _nothing_finished(study: Study, trials: list[Trial]) -> str:
    epochs = study.config.epochs
    of = f" with all {epochs} epochs" if any(trial.trained for trial in trials) else ""
    problem = next(trial.problem for trial in trials if trial.problem)
    return f"every trial of {study.name}{of} failed, the first: {problem}"


def write_search(study: Study, result: SearchResult, kept: list[Trial], out: Path) -> None:
    """Write the kept models, the tables of the search and their figures.

    - ``1.keras``, ``2.keras``…: the kept models
    - ``trials.csv``: every trial with its hyperparameters and validation scores
    - ``choices.png``: the scores by the value of each hyperparameter
    - ``curves.csv`` and ``curves.png``: learning curves of the kept models, one row per epoch
    """
    out.mkdir(parents=True, exist_ok=True)
    for place, trial in enumerate(kept, start=1):
        retrain_if_missing(trial.network, trial.spec)  # the user may have cleared the cache
        copy_file(trial.spec.cache_dir / "model.keras", out / f"{place}.keras")
    table, score = trials_table(result.trials, result.ranked), f"val_{study.config.objective}"
    curves = curves_table(kept, max(study.top_k, len(kept)))
    write_csv(table, out / "trials.csv")
    write_csv(curves, out / "curves.csv")
    title = f"{study.name}: {len(table)} trial{'s' * (len(table) > 1)}"
    best = (
        f"{title}, the best in {len(kept)} folds"
        if len(kept) > study.top_k
        else f"{title}, the best"
    )
    curves_figure(curves, score, best + study.note, out / "curves.png")
    hyperparameter_figure(table, score, title + study.note, out / "choices.png")


def _run_trials(study: Study, record: TrialLogger) -> list[Trial]:
    """Run every trial once; return them in the order of the proposals."""
    trials: dict[Path, Trial] = {}
    with progress_bar(f"Search {study.name}") as progress:

        def run(values: dict[str, Any], epochs: int) -> float:
            trial = study.trial(values, epochs)
            on_epoch = _progress_callback(progress, len(trials), study, trial, trials.values())
            trials[trial.spec.cache_dir] = trial
            try:
                trial.trained = run_trial(trial, record, on_epoch)
            except TrainingFailed as error:
                trial.problem = str(error)
                raise
            study.prune_models(trials.values())
            return study.objective_value(trial.trained)

        run_tuner(study.space, run, study.config, study.search_seed, study.top_k)
    return list(trials.values())


def _progress_callback(
    progress: Progress, done: int, study: Study, trial: Trial, previous: Iterable[Trial]
) -> OnEpoch:
    """Return a callback that shows trial, epoch and best score."""
    key, objective = study.schedule.key, study.config.objective
    best = min((key(t.trained.best) for t in previous if t.trained), default=None)
    so_far = "" if best is None else f", best {objective} {abs(best[0]):.3f}"

    def on_epoch(epoch: int, scores: Scores) -> None:
        share = (epoch + 1) / trial.hyperparameters["epochs"]
        progress(done + share, study.config.max_trials, f"{trial.name}{so_far}")

    return on_epoch


def run_trial(trial: Trial, record: TrialLogger, on_epoch: OnEpoch) -> TrainingResult:
    """Train a trial, and log epochs, best scores and cost."""
    with record(trial.name, trial.hyperparameters) as log:

        def log_epoch(epoch: int, scores: Scores) -> None:
            log.epoch(epoch, scores)
            on_epoch(epoch, scores)

        trained = train(trial.network, trial.spec, log_epoch)
        best = {f"best_{name}": score for name, score in trained.best.items()}
        cost = ("parameters", "seconds", "images_per_second", "memory_mib")
        log.result({**best, **{name: getattr(trained, name) for name in cost}})
    return trained
