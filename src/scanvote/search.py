"""search: Keras Tuner over the grid of one family; the best models and their predictions."""

import shutil
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pandas as pd

from scanvote import seeds, training
from scanvote.arrays import read_split
from scanvote.digests import digest, digest_code, digest_files
from scanvote.errors import InputError
from scanvote.figures import curves_figure
from scanvote.files import from_root, repository_root, sha256, write_csv
from scanvote.manifest import read_manifest
from scanvote.metrics import classification
from scanvote.models import FAMILIES, archive, transfer
from scanvote.params import Params, Section
from scanvote.predictions import class_predictions
from scanvote.prepare import classes
from scanvote.progress import Progress, progress_bar
from scanvote.seeds import derive
from scanvote.training import Job, OnEpoch, Schedule, Scores, Trained, TrainingFailed, train
from scanvote.trials import Record, Trial, curves_table, trials_metrics, trials_table
from scanvote.tuning import walk


def search(
    family: str, prepared: Path, params: Params, out: Path, record: Record
) -> dict[str, float]:
    """Search the grid of `family`, and write its best models and tables to `out`.

    - ``1.keras``, ``2.keras``…: the best `ensemble.top` models, best first
    - ``trials.csv``: every trial with its hyperparameters and validation scores
    - ``curves.csv`` and ``curves.png``: of the best models, an epoch a row
    - ``predictions.csv``: of the best models, on validation and test

    Args:
        family: ``ann``, ``cnn`` or ``transfer``.
        prepared: folder of the shards, `data/prepared/classification`.
        params: the whole of params.yaml.
        out: `models/search/<family>`.
        record: opens the log of a trial, by its name and hyperparameters.

    Returns:
        Flat metrics of the best trial, and how many trials there were.

    Raises:
        InputError: every trial failed, or the family's params cannot be met.
    """
    bench = _Bench(family, prepared, params)
    trials = _run_trials(bench, record)
    ranked = sorted((t for t in trials if t.trained), key=bench.rank)
    if not ranked:
        raise InputError(f"every trial of {family} failed, the first: {trials[0].problem}")
    best = ranked[: params.ensemble.top]
    _keep_models(trials, best, out)
    write_csv(trials_table(trials, ranked), out / "trials.csv")
    curves = curves_table(best, params.ensemble.top)
    write_csv(curves, out / "curves.csv")
    score = f"val_{params.search.objective}"
    curves_figure(curves, score, f"{family}: best of {len(trials)} trials", out / "curves.png")
    write_csv(bench.predictions(best, out), out / "predictions.csv")
    return trials_metrics(trials, best[0])


class _Bench:
    """What all trials of a family have in common."""

    def __init__(self, family: str, prepared: Path, params: Params) -> None:
        self.family, self.params = family, params
        self.section = getattr(params, family)
        self.labels = classes(read_manifest(prepared / "manifest.csv"))
        self.splits = {
            split: read_split(prepared, split) for split in ("train", "validation", "test")
        }
        self.schedule = Schedule(lr=params.lr, **_schedule(params))
        self.context = digest(
            family,
            digest_files(prepared.glob("*.pkl")),
            _fixed(self.section),
            params.seed,
            digest_code(
                [FAMILIES[family], training, archive, seeds, classification],
                ["keras", keras.config.backend()],
            ),
        )

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        shape = self.splits["train"]["images"].shape[1:]
        network: keras.Model = FAMILIES[self.family].build(
            hp, shape, len(self.labels), self.section
        )
        return network

    def job(self, values: Mapping[str, Any], epochs: int) -> Job:
        schedule = self.schedule.within(epochs)
        key = digest(self.context, values, vars(schedule), _backbone_digest(values))
        return Job(
            train=(self.splits["train"]["images"], self.splits["train"]["labels"]),
            validation=self.splits["validation"]["images"],
            loss="sparse_categorical_crossentropy",
            score=self.score,
            schedule=schedule,
            seed=derive(self.params.seed, "trial", self.family, digest(values)),
            memory=repository_root() / ".cache" / "trials" / key,
        )

    def score(self, predicted: np.ndarray) -> Scores:
        return classification.quick_scores(self.splits["validation"]["labels"], predicted)

    def rank(self, trial: Trial) -> tuple[tuple[float, float], str]:
        assert trial.trained is not None
        return self.schedule.key(trial.trained.best), trial.name

    def predictions(self, best: list[Trial], out: Path) -> pd.DataFrame:
        """One table: the best models' rows on validation and test, model by model."""
        tables = []
        for place, trial in enumerate(best, start=1):
            model = keras.saving.load_model(out / f"{place}.keras", compile=False)
            for split in ("validation", "test"):
                shard = self.splits[split]
                predicted = model.predict(
                    shard["images"], batch_size=self.schedule.batch_size, verbose=0
                )
                name = f"{self.family}/{trial.name}"
                tables.append(class_predictions(name, split, shard, predicted, self.labels))
        return pd.concat(tables, ignore_index=True)


def _fixed(section: Section) -> dict[str, Any]:
    """A family's settings beside its grid: a wider grid must not forget what is trained."""
    return {key: value for key, value in section if not isinstance(value, list)}


def _backbone_digest(values: Mapping[str, Any]) -> str:
    path = from_root(Path(values.get("backbone", "")))
    return sha256(path) if path.is_file() else ""


def _schedule(params: Params) -> dict[str, Any]:
    return params.search.model_dump(include={"epochs", "patience", "batch_size", "objective"})


def _run_trials(bench: _Bench, record: Record) -> list[Trial]:
    """Every trial once, in the order the algorithm proposed them."""
    trials: dict[Path, Trial] = {}
    schedule, budget = bench.schedule, bench.params.search.max_trials
    with progress_bar(f"Search {bench.family}") as progress:

        def run(hp: keras_tuner.HyperParameters, values: dict[str, Any]) -> float:
            epochs = int(hp.values.get("tuner/epochs", schedule.epochs))  # hyperband's own budget
            job = bench.job(values, epochs)
            network = partial(bench.build, hp)
            named = _name(values, bench.section), {**values, "epochs": epochs}
            trial = Trial(*named, network, job)
            following = _follow(progress, len(trials), budget, trial, trials.values(), schedule)
            trials[job.memory] = trial
            try:
                trial.trained = _run_trial(trial, record, following)
            except TrainingFailed as error:
                trial.problem = str(error)
                raise
            return -schedule.key(trial.trained.best)[0]

        seed = derive(bench.params.seed, "search", bench.family)
        walk(bench.build, run, bench.params.search, seed)
    return list(trials.values())


def _follow(
    progress: Progress,
    done: int,
    budget: int,
    trial: Trial,
    before: Iterable[Trial],
    schedule: Schedule,
) -> OnEpoch:
    """Shows the trial, its epoch, and the best score before it."""
    best = min((schedule.key(t.trained.best) for t in before if t.trained), default=None)
    so_far = "" if best is None else f", best {schedule.objective} {abs(best[0]):.3f}"

    def on_epoch(epoch: int, scores: Scores) -> None:
        share = (epoch + 1) / trial.values["epochs"]
        progress(done + share, budget, f"{trial.name}{so_far}")

    return on_epoch


def _run_trial(trial: Trial, record: Record, follow: OnEpoch) -> Trained:
    with record(trial.name, trial.values) as log:

        def on_epoch(epoch: int, scores: Scores) -> None:
            log.epoch(epoch, scores)
            follow(epoch, scores)

        trained = train(trial.network, trial.job, on_epoch)
        best = {f"best_{name}": score for name, score in trained.best.items()}
        log.result({**best, "parameters": trained.parameters, "seconds": trained.seconds})
    return trained


def _name(values: Mapping[str, Any], section: Any) -> str:
    """A name from the hyperparameters, fit for a file: ``convolutions2-filters64``."""
    return "-".join(
        transfer.title(value, section) if name == "backbone" else f"{name}{value}"
        for name, value in sorted(values.items())
    )


def _keep_models(trials: list[Trial], best: list[Trial], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for place, trial in enumerate(best, start=1):
        training.restore_model(trial.network, trial.job)  # forgotten while others were better
        shutil.copyfile(trial.job.memory / "model.keras", out / f"{place}.keras")
    kept = {trial.job.memory for trial in best}
    for trial in trials:
        if trial.job.memory not in kept:
            training.forget_model(trial.job.memory)
