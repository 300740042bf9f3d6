"""The trials of the U-Net."""

import sys
from collections.abc import Mapping
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pandas as pd

from scanvote.arrays import memmap_split
from scanvote.core.digests import digest, digest_files
from scanvote.core.errors import InputError
from scanvote.core.seeds import derive_seed
from scanvote.manifest import owners, read_manifest
from scanvote.metrics import segmentation
from scanvote.metrics.segmentation import count_pixels, patient_dice
from scanvote.models import backbones, encoders, input_spec, losses, unet
from scanvote.models.input_spec import InputSpec
from scanvote.params import Params
from scanvote.splits.protocols import assign_folds, stratum_of
from scanvote.training import Scores, TrainingSpec
from scanvote.training.adjacent_slices import AdjacentSlices, Rows, adjacent_rows
from scanvote.training.batches import Images, Sampler
from scanvote.tuning.study import Study, cache_dir, code_digest, weights_dir

POOL = ("train", "validation")
"""The splits that a network may be trained on."""
_STACK = ["series", "plane", "contrast"]
"""What the slices of a stack have in common."""
_AT_ONCE = 32
"""Slices whose scores are computed together: bounds the memory."""


class UnetStudy(Study):
    """Makes the trials of the U-Net on the slices of `prepared`, `data/prepared/segmentation`.

    With `unet.folds` the patients to train on and to validate with are dealt to so many folds,
    of which the first validates.

    Attributes:
        pool: the slices to train on and to validate with, as one shard.
        test: the slices of the test split.

    Raises:
        InputError: the scans do not fit the network, or the settings one another.
    """

    note = f"\n{segmentation.EMPTY_RULE}"

    def __init__(self, prepared: Path, params: Params) -> None:
        section = params.unet
        self.pool, self.test = memmap_split(prepared, *POOL), memmap_split(prepared, "test")
        self.manifest = read_manifest(prepared / "manifest.csv").set_index("scan_id")
        height, width, channels = self.pool["images"].shape[1:]
        _check(height, params)
        shape = (height, width, channels * (2 * section.context + 1))
        task = InputSpec(shape, 1, weights_dir(params))
        anew = partial(UnetStudy, prepared, params)
        super().__init__("unet", section, section, task, params, keep=1, anew=anew)
        self._near = self._beside(self.pool["scan_ids"])
        self._context = digest(
            "unet",
            digest_files(prepared.glob("*.pkl")),
            self._fixed(),
            params.seed,
            code_digest(
                *(sys.modules[__name__], unet, encoders, *backbones.CODE),
                *(input_spec, losses, segmentation),
            ),
            self.owners(self.pool["scan_ids"]),
            self._near.tolist(),
        )
        self._validate_with(0)

    def _fixed(self) -> dict[str, Any]:
        """The settings beside the grid, which a wider grid does not change."""
        section = self.params.unet
        names = {"encoder", "weights", "upsampling", "prior", "context", "sample", "mirror"}
        fixed = section.model_dump(include=names)
        bounds = self.params.prepare.augment.model_dump() if section.augment else None
        name, mirror = section.encoder, self.input_spec.mirror
        file = backbones.weights_digest(name, section.weights, mirror) if name else ""
        return fixed | {"augment": bounds, "weights_file": file}

    def fold(self, number: int) -> "UnetStudy":
        """The study that validates with another fold of the patients, from 0, as this one does."""
        one = copy(self)
        one._validate_with(number)
        return one

    def _dealt(self) -> np.ndarray:
        """The fold of each row of the pool; without folds the validation split is the first."""
        scans, folds = pd.unique(self.pool["scan_ids"]), self.params.unet.folds
        rows = self.manifest.loc[scans].reset_index()
        if folds > 1:
            dealt = rows.assign(stratum=stratum_of("segmentation", rows))
            fold = _folds(dealt, folds, derive_seed(self.params.seed, "folds"))
        else:
            fold = (rows["split"] != "validation").astype(int)
        return pd.Series(fold.to_numpy(), scans).loc[self.pool["scan_ids"]].to_numpy()

    def _validate_with(self, fold: int) -> None:
        """Train on the other rows of the pool, copies among them."""
        first = ~pd.Series(self.pool["scan_ids"]).duplicated().to_numpy()
        validates = self._dealt() == fold
        self.train_rows = np.flatnonzero(~validates)
        self.validation_rows = np.flatnonzero(validates & first)
        self._draw = self._drawn()

    def owners(self, scan_ids: np.ndarray) -> list[str]:
        """The patient of each scan; a scan of nobody known stands for itself."""
        return list(owners(self.rows(scan_ids)))

    def test_images(self) -> Images:
        """The slices of the test split, each with those beside it as `unet.context` says."""
        return AdjacentSlices(self.test["images"], self._beside(self.test["scan_ids"]))

    def _pool_images(self, rows: Rows) -> Images:
        return AdjacentSlices(self.pool["images"], self._near[rows])

    def _beside(self, scan_ids: np.ndarray) -> Rows:
        """The rows beside each; a slice of no known series stands alone."""
        series = self.manifest.reindex(columns=_STACK, fill_value="").loc[scan_ids]
        alone = series["series"] == ""
        series.loc[alone, "series"] = series.index[alone]
        stacks = list(series.itertuples(index=False, name=None))
        places = self.manifest.index.get_indexer(pd.Index(scan_ids)).tolist()
        return adjacent_rows(stacks, places, self.params.unet.context)

    def rows(self, scan_ids: np.ndarray) -> pd.DataFrame:
        """The manifest's rows of these scans, in their order."""
        return self.manifest.loc[scan_ids].reset_index()

    def space(self, hp: keras_tuner.HyperParameters) -> None:
        unet.space(hp, self.params.unet)

    def build(self, values: Mapping[str, Any]) -> keras.Model:
        return unet.build(values, self.input_spec, self.params.unet)

    def job(self, values: Mapping[str, Any], epochs: int) -> TrainingSpec:
        schedule, section = self.schedule.truncated(epochs), self.params.unet
        loss = losses.LOSSES[values["loss"]]
        key = digest(self._context, self.validation_rows.tolist(), values, schedule.settings())
        masks = AdjacentSlices(self.pool["masks"][..., None], self.train_rows[:, None])
        return TrainingSpec(
            train=(self._pool_images(self.train_rows), masks),
            validation=self._pool_images(self.validation_rows),
            loss=loss,
            score=partial(self.score, loss),
            schedule=schedule,
            seed=derive_seed(self.params.seed, "unet", digest(values)),
            cache_dir=cache_dir(key),
            augment=self.params.prepare.augment if section.augment else None,
            mirror=section.mirror,
            draw=self._draw,
        )

    def score(self, loss: losses.Loss, predicted: np.ndarray) -> Scores:
        """The loss a slice, and the mean Dice of the patients, each over all its slices."""
        total, counts = 0.0, list[tuple[int, int, int]]()
        for first in range(0, len(predicted), _AT_ONCE):
            part = predicted[first : first + _AT_ONCE]
            truth = self.pool["masks"][self.validation_rows[first : first + _AT_ONCE]]
            total += len(part) * float(loss(truth[..., None].astype(np.float32), part))
            counts += map(count_pixels, part[..., 0] >= 0.5, truth > 0)
        dice = patient_dice(counts, self.owners(self.pool["scan_ids"][self.validation_rows]))
        return {"val_loss": total / len(predicted), "val_dice": float(dice.mean())}

    def _drawn(self) -> Sampler | None:
        """The training slices of an epoch, by `unet.sample`."""
        rule = self.params.unet.sample
        if rule == "all":
            return None
        tumour = np.array([self.pool["masks"][row].any() for row in self.train_rows])
        marked, empty = np.flatnonzero(tumour), np.flatnonzero(~tumour)
        if not len(marked):
            raise InputError(f"unet.sample: {rule}, but no slice to train on has a tumour")
        if rule == "tumour" or not len(empty):
            return lambda random: marked
        fewer = min(len(marked), len(empty))
        return lambda random: np.concatenate(
            [random.choice(rows, fewer, replace=False) for rows in (marked, empty)]
        )


def _folds(scans: pd.DataFrame, folds: int, seed: int) -> "pd.Series[int]":
    try:
        return assign_folds(scans, folds, seed)
    except InputError as error:
        raise InputError(f"unet.folds: {error}") from None


def _check(side: int, params: Params) -> None:
    stride = unet.STRIDE if params.unet.encoder is None else encoders.STRIDE
    if side % stride:
        raise InputError(
            f"prepare.segmentation.image_size: {side} must be a multiple of {stride} for the U-Net"
        )
    if params.unet.context and params.prepare.segmentation.copies:
        raise InputError(
            "unet.context: a copy is changed apart from the slices beside it; set"
            " prepare.segmentation.copies to 0, and unet.augment to true"
        )
