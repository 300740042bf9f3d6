"""The study of the U-Net."""

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
from scanvote.pipeline.unet.adjacent import adjacent_in_series
from scanvote.splits.protocols import assign_folds, stratum_of
from scanvote.training import Scores, TrainingSpec
from scanvote.training.adjacent_slices import AdjacentSlices, Rows
from scanvote.training.batches import Images, Sampler
from scanvote.training.patches import Patches
from scanvote.tuning.study import Study, cache_dir, code_digest, weights_dir

POOL = ("train", "validation")
"""The splits that a network may be trained on."""
_AT_ONCE = 32
"""Slices whose scores are computed at once, to bound the memory."""


class UnetStudy(Study):
    """Study of the U-Net on the slices in `prepared`, `data/prepared/segmentation`.

    With `unet.folds` the patients of training and validation are split into that many folds.

    Args:
        fold: the fold to validate on.

    Attributes:
        pool: the slices of training and validation, as one shard.
        test: the slices of the test split.

    Raises:
        InputError: the scans do not fit the network, or settings contradict each other.
    """

    note = f"\n{segmentation.EMPTY_RULE}"

    def __init__(self, prepared: Path, params: Params, fold: int = 0) -> None:
        section = params.unet
        self.pool, self.test = memmap_split(prepared, *POOL), memmap_split(prepared, "test")
        self.manifest = read_manifest(prepared / "manifest.csv").set_index("scan_id")
        height, width, channels = self.pool["images"].shape[1:]
        _check(height, params)
        shape = (height, width, channels * (2 * section.context + 1))
        spec = InputSpec(shape, 1, weights_dir(params))
        self._rebuild_fold = partial(UnetStudy, prepared, params)
        rebuild = partial(self._rebuild_fold, fold)
        super().__init__("unet", section, section, spec, params, top_k=1, rebuild=rebuild)
        self._adjacent = self._adjacent_rows(self.pool["scan_ids"])
        self._context = digest(
            "unet",
            digest_files(prepared.glob("*.pkl")),
            self._fixed_settings(),
            params.seed,
            code_digest(
                *(sys.modules[__name__], unet, encoders, *backbones.CODE),
                *(input_spec, losses, segmentation),
            ),
            self.owners(self.pool["scan_ids"]),
            self._adjacent.tolist(),
        )
        self._validate_on(fold)

    def _fixed_settings(self) -> dict[str, Any]:
        """Return the settings that are the same for all trials."""
        section = self.params.unet
        names = {"encoder", "weights", "upsampling", "prior", "context", "sample", "mirror"}
        names |= {"patch", "patch_on_tumour"} if section.patch else set()
        fixed = section.model_dump(include=names)
        bounds = self.params.prepare.augment.model_dump() if section.augment else None
        name, mirror = section.encoder, self.input_spec.mirror
        file = backbones.weights_digest(name, section.weights, mirror) if name else ""
        return fixed | {"augment": bounds, "weights_file": file}

    def fold(self, number: int) -> "UnetStudy":
        """Return a copy of this study that validates on fold `number`."""
        study = copy(self)
        study.rebuild = partial(self._rebuild_fold, number)
        study._validate_on(number)
        return study

    def _fold_of_rows(self) -> np.ndarray:
        """Fold of each row of the pool.

        With `unet.folds: 1`, the validation split is fold 0.
        """
        scans, folds = pd.unique(self.pool["scan_ids"]), self.params.unet.folds
        rows = self.manifest.loc[scans].reset_index()
        if folds > 1:
            strata = rows.assign(stratum=stratum_of("segmentation", rows))
            fold = _assign_folds(strata, folds, derive_seed(self.params.seed, "folds"))
        else:
            fold = (rows["split"] != "validation").astype(int)
        return pd.Series(fold.to_numpy(), scans).loc[self.pool["scan_ids"]].to_numpy()

    def _validate_on(self, fold: int) -> None:
        """Validate on `fold` without its augmented copies; train on all other rows."""
        first = ~pd.Series(self.pool["scan_ids"]).duplicated().to_numpy()
        in_fold = self._fold_of_rows() == fold
        self.train_rows = np.flatnonzero(~in_fold)
        self.validation_rows = np.flatnonzero(in_fold & first)
        self._draw = self._sampler()

    def owners(self, scan_ids: np.ndarray) -> list[str]:
        """Patient of each scan; an unknown patient counts as its own."""
        return list(owners(self.rows(scan_ids)))

    def test_images(self) -> Images:
        """Slices of the test split, each with its adjacent slices by `unet.context`."""
        return AdjacentSlices(self.test["images"], self._adjacent_rows(self.test["scan_ids"]))

    def _pool_images(self, rows: Rows) -> Images:
        return AdjacentSlices(self.pool["images"], self._adjacent[rows])

    def _adjacent_rows(self, scan_ids: np.ndarray) -> Rows:
        return adjacent_in_series(self.manifest, self.params.unet.context, scan_ids)

    def rows(self, scan_ids: np.ndarray) -> pd.DataFrame:
        """Return the manifest's rows of these scans, in their order."""
        return self.manifest.loc[scan_ids].reset_index()

    def space(self, hp: keras_tuner.HyperParameters) -> None:
        unet.space(hp, self.params.unet)

    def build(self, values: Mapping[str, Any]) -> keras.Model:
        return unet.build(values, self.input_spec, self.params.unet)

    def training_spec(self, values: Mapping[str, Any], epochs: int) -> TrainingSpec:
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
            patches=Patches(section.patch, section.patch_on_tumour) if section.patch else None,
        )

    def score(self, loss: losses.Loss, predicted: np.ndarray) -> Scores:
        """Return the mean slice loss and the mean patient Dice.

        The Dice of a patient is over all its slices together.
        """
        total, counts = 0.0, list[tuple[int, int, int]]()
        for first in range(0, len(predicted), _AT_ONCE):
            part = predicted[first : first + _AT_ONCE]
            truth = self.pool["masks"][self.validation_rows[first : first + _AT_ONCE]]
            total += len(part) * float(loss(truth[..., None].astype(np.float32), part))
            counts += map(count_pixels, part[..., 0] >= 0.5, truth > 0)
        dice = patient_dice(counts, self.owners(self.pool["scan_ids"][self.validation_rows]))
        return {"val_loss": total / len(predicted), "val_dice": float(dice.mean())}

    def _sampler(self) -> Sampler | None:
        """Return the sampler of training slices by `unet.sample`, None for all."""
        rule = self.params.unet.sample
        if rule == "all":
            return None
        tumour = np.array([self.pool["masks"][row].any() for row in self.train_rows])
        marked, empty = np.flatnonzero(tumour), np.flatnonzero(~tumour)
        if not len(marked):
            raise InputError(f"unet.sample: {rule}, but no slice to train on has a tumour")
        if rule == "tumour" or not len(empty):
            return lambda random: marked
        count = min(len(marked), len(empty))
        return lambda random: np.concatenate(
            [random.choice(rows, count, replace=False) for rows in (marked, empty)]
        )


def _assign_folds(scans: pd.DataFrame, folds: int, seed: int) -> "pd.Series[int]":
    try:
        return assign_folds(scans, folds, seed)
    except InputError as error:
        raise InputError(f"unet.folds: {error}") from None


def _check(side: int, params: Params) -> None:
    stride = unet.STRIDE if params.unet.encoder is None else encoders.STRIDE
    patch = params.unet.patch or side
    for name, value in (("prepare.segmentation.image_size", side), ("unet.patch", patch)):
        if value % stride:
            raise InputError(f"{name}: {value} must be a multiple of {stride} for the U-Net")
    if patch > side:
        raise InputError(f"unet.patch: {patch} is larger than the slices, of {side} pixels")
    if params.unet.context and params.prepare.segmentation.copies:
        raise InputError(
            "unet.context: a copy is augmented apart from its adjacent slices; set"
            " prepare.segmentation.copies to 0, and unet.augment to true"
        )
