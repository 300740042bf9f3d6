"""unet: search the U-Net's grid, and write its models and its masks."""

from itertools import chain
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from scanvote.arrays import zeros_or_memmap
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv, write_json
from scanvote.core.progress import progress_bar
from scanvote.models.postprocess import Postprocess, candidates, choose
from scanvote.params import Params
from scanvote.pipeline.unet.study import UnetStudy
from scanvote.predictions import mask_predictions
from scanvote.training import Scores, TrainingFailed
from scanvote.training.batches import predict
from scanvote.tuning.run import run_search, run_trial, write_search
from scanvote.tuning.trials import Trial, TrialLogger, trials_metrics

Member = tuple[UnetStudy, Trial]


def train_unet(prepared: Path, params: Params, out: Path, record: TrialLogger) -> dict[str, float]:
    """Train on the shards, keep the best epoch by validation Dice, predict validation and test.

    Writes to `out` the models and the tables of `write_search`; ``postprocess.csv``, every way to
    make a mask with its validation Dice, and ``postprocess.json``, the one that was chosen; and
    ``predictions.csv`` (a slice a row, masks run-length encoded).

    With `unet.folds` the patients of training and validation are dealt to folds. The grid is
    searched with the first to validate, and its best point trained once with each other. A test
    mask is of the mean of all; a validation mask of the one that did not see its patient.

    Args:
        prepared: folder of the shards, `data/prepared/segmentation`.
        params: the whole of params.yaml.
        out: `models/unet`.
        record: opens the log of a trial, by its name and hyperparameters.

    Returns:
        Flat metrics of the best trial, and what its masks reach on validation.

    Raises:
        InputError: the scans' size does not fit the network, or every trial failed.
    """
    study = UnetStudy(prepared, params)
    result = run_search(study, record)
    members = _members(study, result.ranked[0], record)
    write_search(study, result, [trial for _, trial in members], out)
    validated = [_validation(*member, out / f"{at}.keras") for at, member in enumerate(members, 1)]
    rows = np.concatenate([member.validation_rows for member, _ in members])
    scans, truths = study.pool["scan_ids"][rows], [study.pool["masks"][row] for row in rows]
    ways = candidates(params.unet.postprocess)
    how, table = choose(chain(*validated), truths, study.owners(scans), ways)
    write_csv(table, out / "postprocess.csv")
    write_json(out / "postprocess.json", vars(how))
    tables = [
        mask_predictions("validation", study.rows(scans), truths, map(how, chain(*validated))),
        _test_predictions(study, len(members), how, out),
    ]
    write_csv(pd.concat(tables, ignore_index=True), out / "predictions.csv")
    found = trials_metrics(result.trials, result.ranked[0])
    return {**found, "models": len(members), "postprocessed_val_dice": float(table["dice"].max())}


def _members(study: UnetStudy, best: Trial, record: TrialLogger) -> list[Member]:
    """The best trial, which validated with the first fold, and one like it for each other."""
    folds, members = study.params.unet.folds, [(study, best)]
    if folds == 1:
        return members
    values = {name: value for name, value in best.hyperparameters.items() if name != "epochs"}
    with progress_bar("U-Net folds") as progress:
        for number in range(1, folds):
            fold = study.fold(number)
            trial = fold.trial(values, best.hyperparameters["epochs"])
            trial.name = f"fold{number}"

            def follow(epoch: int, scores: Scores, number: int = number) -> None:
                share = (epoch + 1) / best.hyperparameters["epochs"]
                progress(number + share, folds, f"dice {scores['val_dice']:.3f}")

            try:
                trial.trained = run_trial(trial, record, follow)
            except TrainingFailed as error:
                raise InputError(f"unet: fold {number}: {error}") from None
            members.append((fold, trial))
    return members


def _validation(study: UnetStudy, trial: Trial, path: Path) -> np.ndarray:
    """float32 (n, H, W), of the slices that the model did not learn from."""
    model = keras.saving.load_model(path, compile=False)
    return predict(model, trial.spec.validation, study.config.batch_size)[..., 0]


def _test_predictions(study: UnetStudy, models: int, how: Postprocess, out: Path) -> pd.DataFrame:
    """The rows of the test split, from the mean of the models."""
    scans, truths = study.test["scan_ids"], study.test["masks"]
    mean = zeros_or_memmap(truths.shape)
    for number in range(1, models + 1):
        model = keras.saving.load_model(out / f"{number}.keras", compile=False)
        mean += predict(model, study.test_images(), study.config.batch_size)[..., 0]
    mean /= models  # in place: it may lie in a file
    return mask_predictions("test", study.rows(scans), truths, map(how, mean))
