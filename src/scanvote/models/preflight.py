"""Check the networks that params.yaml names before any training starts."""

from pathlib import Path

import keras
import numpy as np

from scanvote.core.errors import InputError
from scanvote.core.files import mirror_folder
from scanvote.models import encoders, transfer
from scanvote.models.backbones import check_known, is_saved, name_or_file, weights_file
from scanvote.models.input_spec import InputSpec
from scanvote.models.layer_calls import for_patches
from scanvote.models.saving import plain_line
from scanvote.params import Params, Task

Shape = tuple[int, int, int]


def check_networks(params: Params, task: Task, shape: Shape) -> None:
    """Check the backbones and the encoder of all families that the study trains.

    A saved network is loaded and predicts one scan, and one patch with `unet.patch`; of a known
    one the name and the weights file are looked up.

    Args:
        params: the whole of params.yaml.
        task: the task whose scans are at hand.
        shape: (H, W, C) of its scans; the shape of the other task's comes from `prepare`.

    Raises:
        InputError: a network does not fit, in one line that names the param and the remedy.
    """
    shapes = {one: _shape(params, one) for one in params.tasks} | {task: shape}
    mirror = mirror_folder(params.download.mirror)
    if "classification" in shapes and "transfer" in params.search.families:
        for name in params.transfer.backbones:
            _check_backbone(name, params, shapes["classification"], mirror)
    if "segmentation" in shapes and params.unet.encoder is not None:
        _check_encoder(params.unet.encoder, params, shapes["segmentation"], mirror)


def _shape(params: Params, task: Task) -> Shape:
    prepared = getattr(params.prepare, task)
    return prepared.image_size, prepared.image_size, prepared.channels


def _check_backbone(name: str, params: Params, shape: Shape, mirror: Path | None) -> None:
    key = "transfer.backbones"
    if not is_saved(name):
        check_known(name, key)
        weights_file(name, params.transfer.weights, mirror)
        return
    values = {"backbone": name, "pooling": "average", "units": 0, "dropout": 0.0}
    model = transfer.build(values, InputSpec(shape, 2, mirror), params.transfer)
    _predict_one(model, f"{key}: {name_or_file(name, mirror)}")


def _check_encoder(name: str, params: Params, shape: Shape, mirror: Path | None) -> None:
    key, section = "unet.encoder", params.unet
    if not is_saved(name):
        check_known(name, key)
        weights_file(name, section.weights, mirror)
        return
    inputs = keras.Input((*shape[:2], shape[2] * (2 * section.context + 1)))
    levels = encoders.pretrained_levels(inputs, section, InputSpec(inputs.shape[1:], 1, mirror))
    encoder, file = keras.Model(inputs, levels), name_or_file(name, mirror)
    _predict_one(encoder, f"{key}: {file}")
    if section.patch is not None:
        _predict_one(_patch_encoder(encoder, section.patch, file), f"unet.patch: {file}")


def _patch_encoder(encoder: keras.Model, side: int, file: str) -> keras.Model:
    try:
        return for_patches(encoder, side)
    except Exception as error:  # layers of any kind raise nearly any exception
        raise InputError(
            f"unet.patch: {file}: it refuses patches of {side} pixels: {plain_line(error)}; set"
            " unet.patch to null, to train on whole slices"
        ) from None


def _predict_one(model: keras.Model, where: str) -> None:
    """Predict a scan of noise, as some layers fail only then.

    Raises:
        InputError: it fails, or gives values that are not finite.
    """
    shape = model.inputs[0].shape[1:]
    scan = np.random.default_rng(1).integers(0, 256, (1, *shape)).astype(np.float32)
    try:
        outputs = keras.tree.flatten(model(scan, training=False))
        finite = all(np.isfinite(keras.ops.convert_to_numpy(one)).all() for one in outputs)
    except Exception as error:  # layers of any kind raise nearly any exception
        raise InputError(f"{where}: it fails on a scan of {shape}: {plain_line(error)}") from None
    if not finite:
        raise InputError(f"{where}: it gives values that are not finite; are its weights damaged?")
