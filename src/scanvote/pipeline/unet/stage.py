"""Search the U-Net's hyperparameters, and write its models and masks."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from scanvote.arrays import zeros_or_memmap
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv, write_json
from scanvote.core.parallel import Files, workers
from scanvote.core.progress import progress_bar
from scanvote.core.terminal import print_status
from scanvote.models.postprocess import Postprocess, candidates, choose
from scanvote.models.preflight import check_networks
from scanvote.params import Params
from scanvote.pipeline.unet.study import UnetStudy
from scanvote.predictions import mask_predictions
from scanvote.training import Scores, TrainingFailed
from scanvote.training.batches import predict
from scanvote.tuning.inputs import study_files
from scanvote.tuning.search import run_search, run_trial, write_search
from scanvote.tuning.trials import Trial, TrialLogger, trials_metrics
from scanvote.tuning.workers import Job, train_jobs

UNTRAINED = 0.01
"""Validation Dice, at a threshold of 0.5, below which a network may not have learned."""
Member = tuple[UnetStudy, Trial]


def train_unet(prepared: Path, params: Params, out: Path, record: TrialLogger) -> dict[str, float]:
    """Train the U-Net, choose its postprocessing, and predict validation and test.

    The best epoch is that with the best validation Dice. Writes to `out` the models and the
    tables of `write_search`; ``postprocess.csv``, every postprocessing with its validation Dice,
    and ``postprocess.json``, the chosen one; and ``predictions.csv`` (one row per slice, masks
    run-length encoded).

    With `unet.folds` the patients of training and validation are split into folds. The search
    validates on the first fold; its best hyperparameters are then trained once for each other
    fold. A test mask comes from the mean of all models, a validation mask from the model that
    was not trained on that patient.

    Args:
        prepared: folder of the shards, `data/prepared/segmentation`.
        params: the whole of params.yaml.
        out: `models/unet`.
        record: opens the log of a trial, given its name and hyperparameters.

    Returns:
        Flat metrics of the best trial, `best_val_dice` before postprocessing; and after it
        `postprocessed_val_dice`.

    Raises:
        InputError: the scans' size does not fit the network, or every trial failed.
    """
    study = UnetStudy(prepared, params)
    check_networks(params, "segmentation", study.pool["images"].shape[1:])
    study.note += "; validation Dice before post-processing"
    encoder = [(params.unet.encoder, params.unet.weights)] if params.unet.encoder else []
    inputs = study_files(prepared, params, encoder)
    result = run_search(study, record, inputs)
    members = _members(study, result.finished[0], record, inputs)
    for line in untrained_lines(trial for _, trial in members):
        print_status(line)
    write_search(study, result, [trial for _, trial in members], out)
    maps = [_predict_validation(*one, out / f"{at}.keras") for at, one in enumerate(members, 1)]
    rows = np.concatenate([member.validation_rows for member, _ in members])
    scans, truths = study.pool["scan_ids"][rows], [study.pool["masks"][row] for row in rows]
    choices = candidates(params.unet.postprocess)
    postprocess, table = choose(chain(*maps), truths, study.owners(scans), choices)
    write_csv(table, out / "postprocess.csv")
    write_json(out / "postprocess.json", vars(postprocess))
    tables = [
        mask_predictions("validation", study.rows(scans), truths, map(postprocess, chain(*maps))),
        _predict_test(study, len(members), postprocess, out),
    ]
    write_csv(pd.concat(tables, ignore_index=True), out / "predictions.csv")
    metrics = trials_metrics(result.trials, result.finished[0])
    return {**metrics, "models": len(members), "postprocessed_val_dice": float(table["dice"].max())}


def untrained_lines(trials: Iterable[Trial]) -> Iterator[str]:
    """Name the networks that mark next to nothing; they are averaged like the others."""
    for number, trial in enumerate(trials, 1):
        dice = trial.trained.best["val_dice"] if trial.trained else 0.0
        if dice < UNTRAINED:
            yield (
                f"unet: network {number} marks nothing of its validation patients at 0.5 (Dice"
                f" {dice:.3f}); if it did not learn, a smaller lr or a longer unet.warm_up may help"
            )


def _members(study: UnetStudy, best: Trial, record: TrialLogger, inputs: Files) -> list[Member]:
    """Train the best trial, of fold 0, on all other folds."""
    folds, members = study.params.unet.folds, [(study, best)]
    others = [_fold_trial(study.fold(number), number, best) for number in range(1, folds)]
    if others and workers() != 1:
        jobs = iter([[Job(trial, fold.rebuild) for fold, trial in others]])
        more = partial(next, jobs, [])
        train_jobs("U-Net folds", study.params.backend, inputs, len(others), more)
    with progress_bar("U-Net folds") as progress:
        for number, (fold, trial) in enumerate(others, 1):

            def on_epoch(epoch: int, scores: Scores, number: int = number) -> None:
                share = (epoch + 1) / best.hyperparameters["epochs"]
                progress(number + share, folds, f"dice {scores['val_dice']:.3f}")

            try:
                trial.trained = run_trial(trial, record, on_epoch)
            except TrainingFailed as error:
                raise InputError(f"unet: fold {number}: {error}") from None
            members.append((fold, trial))
    return members


def _fold_trial(fold: UnetStudy, number: int, best: Trial) -> Member:
    values = {name: value for name, value in best.hyperparameters.items() if name != "epochs"}
    trial = fold.trial(values, best.hyperparameters["epochs"])
    trial.name = f"fold{number}"
    return fold, trial


def _predict_validation(study: UnetStudy, trial: Trial, path: Path) -> np.ndarray:
    """Probability maps of the fold's validation slices, float32 (n, H, W)."""
    model = keras.saving.load_model(path, compile=False)
    return predict(model, trial.spec.validation, study.config.batch_size)[..., 0]


def _predict_test(
    study: UnetStudy, models: int, postprocess: Postprocess, out: Path
) -> pd.DataFrame:
    """Predict the test split with the mean of the models."""
    scans, truths = study.test["scan_ids"], study.test["masks"]
    mean = zeros_or_memmap(truths.shape)
    for number in range(1, models + 1):
        model = keras.saving.load_model(out / f"{number}.keras", compile=False)
        mean += predict(model, study.test_images(), study.config.batch_size)[..., 0]
    mean /= models  # in place, because a large array is a memory-mapped file
    return mask_predictions("test", study.rows(scans), truths, map(postprocess, mean))
