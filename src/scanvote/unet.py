"""unet: train the U-Net on whole patients, and write its model and its masks."""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from scanvote import training
from scanvote.arrays import Shard, mapped_split
from scanvote.digests import digest, digest_code, digest_files
from scanvote.errors import InputError
from scanvote.figures import curves_figure
from scanvote.files import repository_root, write_csv
from scanvote.manifest import read_manifest
from scanvote.metrics import segmentation
from scanvote.metrics.segmentation import count_pixels, dice_of
from scanvote.models import losses, unet
from scanvote.params import Params, PlateauParams, TrainingParams
from scanvote.predictions import mask_predictions
from scanvote.progress import progress_bar
from scanvote.seeds import derive
from scanvote.training import (
    Job,
    Schedule,
    Scores,
    Trained,
    TrainingFailed,
    restore_model,
    train,
)
from scanvote.training.batches import predict
from scanvote.trials import Record


def train_unet(prepared: Path, params: Params, out: Path, record: Record) -> dict[str, float]:
    """Train on the shards, keep the best epoch by validation Dice, predict validation and test.

    Writes ``model.keras``, ``curves.csv`` (an epoch a row) and ``predictions.csv``
    (a slice a row, masks run-length encoded) to `out`.

    Args:
        prepared: folder of the shards, `data/prepared/segmentation`.
        params: the whole of params.yaml.
        out: `models/unet`.
        record: opens the log of the training, by a name and its settings.

    Returns:
        Flat metrics of the best epoch.

    Raises:
        InputError: the scans' size does not divide by 16, or the loss is not finite.
    """
    splits = {split: mapped_split(prepared, split) for split in ("train", "validation", "test")}
    patients = _patients(prepared)
    shape = splits["train"]["images"].shape[1:]
    if shape[0] % 16:
        raise InputError(
            f"prepare.segmentation.image_size: {shape[0]} must divide by 16 for the U-Net"
        )
    job = _job(splits, patients, prepared, params)
    network = partial(unet.build, shape, params.unet.filters)
    trained = _train(network, job, params, record)
    restore_model(network, job)  # if somebody tidied the cache
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(job.memory / "model.keras", out / "model.keras")
    curves = pd.DataFrame(trained.history).rename_axis("epoch").reset_index()
    write_csv(curves, out / "curves.csv")
    curves_figure(curves, "val_dice", "U-Net: validation patients", out / "curves.png")
    write_csv(_predictions(out / "model.keras", splits, patients, params), out / "predictions.csv")
    best = {f"best_{name}": round(score, 6) for name, score in trained.best.items()}
    return {"epochs": len(trained.history), "parameters": trained.parameters, **best}


def _patients(prepared: Path) -> Mapping[str, str]:
    """The patient of each scan; a scan of nobody known stands for itself."""
    manifest = read_manifest(prepared / "manifest.csv")
    known = manifest["patient"].where(manifest["patient"] != "", manifest["scan_id"])
    return dict(zip(manifest["scan_id"], known, strict=True))


def _training(params: Params) -> TrainingParams:
    section = params.unet
    return TrainingParams(
        epochs=section.epochs,
        patience=section.patience,
        batch_size=section.batch_size,
        optimizer="adam",
        weight_decay=0.0,
        schedule="constant",
        warm_up=0,
        plateau=PlateauParams(factor=0.2, patience=5, minimum=0.0),
        precision="float32",
    )


def _job(
    splits: dict[str, Shard], patients: Mapping[str, str], prepared: Path, params: Params
) -> Job:
    section = params.unet
    owners = [patients[scan] for scan in splits["validation"]["scan_ids"]]
    schedule = Schedule(params.lr, _training(params), objective="dice")
    key = digest(
        "unet",
        digest_files(prepared.glob("*.pkl")),
        section.model_dump(exclude={"threshold"}),
        schedule.settings(),
        params.seed,
        digest_code(
            [unet, losses, *training.CODE, segmentation],
            ["keras", keras.config.backend()],
        ),
        owners,
    )
    loss = losses.LOSSES[section.loss]
    truth = splits["validation"]["masks"]

    def score(predicted: np.ndarray) -> Scores:
        return {
            "val_loss": float(loss(truth[..., None].astype("float32"), predicted)),
            "val_dice": _patient_dice(predicted[..., 0] >= 0.5, truth > 0, owners),
        }

    return Job(
        train=(splits["train"]["images"], splits["train"]["masks"][..., None]),
        validation=splits["validation"]["images"],
        loss=loss,
        score=score,
        schedule=schedule,
        seed=derive(params.seed, "unet"),
        memory=repository_root() / ".cache" / "trials" / key,
    )


def _patient_dice(masks: np.ndarray, truths: np.ndarray, patients: list[str]) -> float:
    """Mean Dice of the patients, each over all its slices."""
    pixels = count_pixels(masks, truths).groupby(patients).sum()
    return float(dice_of(pixels["overlap"], pixels["predicted"], pixels["truth"]).mean())


def _train(network: Callable[[], keras.Model], job: Job, params: Params, record: Record) -> Trained:
    epochs = job.schedule.how.epochs
    with record("unet", params.unet.model_dump()) as log, progress_bar("U-Net") as progress:

        def on_epoch(epoch: int, scores: Scores) -> None:
            log.epoch(epoch, scores)
            progress(epoch + 1, epochs, f"dice {scores['val_dice']:.3f}")

        try:
            trained = train(network, job, on_epoch)
        except TrainingFailed as error:
            raise InputError(f"unet: {error}") from None
        log.result({"parameters": trained.parameters, "seconds": trained.seconds})
    return trained


def _predictions(
    path: Path, splits: dict[str, Shard], patients: Mapping[str, str], params: Params
) -> pd.DataFrame:
    model = keras.saving.load_model(path, compile=False)
    tables = []
    for split in ("validation", "test"):
        shard = splits[split]
        predicted = predict(model, shard["images"], params.unet.batch_size)
        masks = predicted[..., 0] >= params.unet.threshold
        tables.append(mask_predictions(split, shard, masks, patients))
    return pd.concat(tables, ignore_index=True)
