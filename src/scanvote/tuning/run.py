"""Walk a grid with Keras Tuner: every trial trained once, the best kept."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.core.progress import Progress, progress_bar
from scanvote.training import Scores, Trained, TrainingFailed, restore_model, train
from scanvote.training.loop import OnEpoch
from scanvote.tuning.figures import choices_figure, curves_figure
from scanvote.tuning.study import Bench
from scanvote.tuning.trials import Record, Trial, curves_table, trials_table
from scanvote.tuning.tuner import walk
from scanvote.tuning.workers import train_ahead


@dataclass(frozen=True)
class Walked:
    """What a walk leaves.

    Attributes:
        trials: in the order the algorithm proposed them.
        ranked: the trained ones, the best first.
    """

    trials: list[Trial]
    ranked: list[Trial]


def walk_grid(bench: Bench, record: Record) -> Walked:
    """Train what the algorithm proposes.

    Args:
        bench: makes the trials.
        record: opens the log of a trial, by its name and hyperparameters.

    Raises:
        InputError: every trial failed.
    """
    if bench.how.workers > 1:
        train_ahead(bench)
    trials = _run_trials(bench, record)
    ranked = sorted((t for t in trials if t.trained), key=bench.rank)
    if not ranked:
        raise InputError(f"every trial of {bench.name} failed, the first: {trials[0].problem}")
    return Walked(trials, ranked)


def write_walk(bench: Bench, walked: Walked, kept: list[Trial], out: Path) -> None:
    """The tables of the trials and of the kept ones' curves, each with its figure, and models.

    - ``1.keras``, ``2.keras``…: the kept models
    - ``trials.csv``: every trial with its hyperparameters and validation scores
    - ``choices.png``: the scores by the value of each hyperparameter
    - ``curves.csv`` and ``curves.png``: of the kept models, an epoch a row
    """
    out.mkdir(parents=True, exist_ok=True)
    for place, trial in enumerate(kept, start=1):
        restore_model(trial.network, trial.job)  # if somebody tidied the cache
        shutil.copyfile(trial.job.memory / "model.keras", out / f"{place}.keras")
    table, score = trials_table(walked.trials, walked.ranked), f"val_{bench.how.objective}"
    curves = curves_table(kept, max(bench.keep, len(kept)))
    write_csv(table, out / "trials.csv")
    write_csv(curves, out / "curves.csv")
    title = f"{bench.name}: {len(table)} trial{'s' * (len(table) > 1)}"
    best = (
        f"{title}, the best in {len(kept)} folds"
        if len(kept) > bench.keep
        else f"{title}, the best"
    )
    curves_figure(curves, score, best + bench.note, out / "curves.png")
    choices_figure(table, score, title + bench.note, out / "choices.png")


def _run_trials(bench: Bench, record: Record) -> list[Trial]:
    """Every trial once, in the order the algorithm proposed them."""
    trials: dict[Path, Trial] = {}
    with progress_bar(f"Search {bench.name}") as progress:

        def run(values: dict[str, Any], epochs: int) -> float:
            trial = bench.trial(values, epochs)
            following = _follow(progress, len(trials), bench, trial, trials.values())
            trials[trial.job.memory] = trial
            try:
                trial.trained = run_trial(trial, record, following)
            except TrainingFailed as error:
                trial.problem = str(error)
                raise
            bench.forget_the_worse(trials.values())
            return bench.worth(trial.trained)

        walk(bench.space, run, bench.how, bench.walk_seed)
    return list(trials.values())


def _follow(
    progress: Progress, done: int, bench: Bench, trial: Trial, before: Iterable[Trial]
) -> OnEpoch:
    """Shows the trial, its epoch, and the best score before it."""
    key, objective = bench.schedule.key, bench.how.objective
    best = min((key(t.trained.best) for t in before if t.trained), default=None)
    so_far = "" if best is None else f", best {objective} {abs(best[0]):.3f}"

    def on_epoch(epoch: int, scores: Scores) -> None:
        share = (epoch + 1) / trial.values["epochs"]
        progress(done + share, bench.how.max_trials, f"{trial.name}{so_far}")

    return on_epoch


def run_trial(trial: Trial, record: Record, follow: OnEpoch) -> Trained:
    with record(trial.name, trial.values) as log:

        def on_epoch(epoch: int, scores: Scores) -> None:
            log.epoch(epoch, scores)
            follow(epoch, scores)

        trained = train(trial.network, trial.job, on_epoch)
        best = {f"best_{name}": score for name, score in trained.best.items()}
        cost = ("parameters", "seconds", "images_per_second", "memory_mib")
        log.result({**best, **{name: getattr(trained, name) for name in cost}})
    return trained
