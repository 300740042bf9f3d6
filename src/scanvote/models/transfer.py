"""Transfer learning family: a pretrained or saved backbone with a new head."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from scanvote.models.backbones import (
    as_input,
    is_saved,
    load_backbone,
    name_or_file,
    preprocessing,
)
from scanvote.models.input_spec import InputSpec, output_head
from scanvote.models.layer_calls import leaf_layers
from scanvote.models.saved_backbone import add_backbone
from scanvote.params import TransferParams

FROZEN = "frozen_features"  # last layer of the frozen part, whose output training computes once
BACKBONE = "backbone"


def space(hp: HyperParameters, params: TransferParams) -> None:
    hp.Choice("backbone", params.backbones)
    hp.Choice("pooling", params.pooling)
    hp.Choice("units", params.units)
    hp.Choice("dropout", params.dropout)


def build(values: Mapping[str, Any], input_spec: InputSpec, params: TransferParams) -> keras.Model:
    """Build the transfer network for the given hyperparameters.

    Backbone → global pooling → optional dense(`units`) → dropout → softmax. The backbone is
    frozen; `unfreeze` makes it trainable.

    Raises:
        InputError: the backbone is not available.
    """
    inputs = keras.Input(input_spec.shape, name="scan")
    x = _features(values, inputs, input_spec, params)
    if values["units"] > 0:
        x = layers.Dense(values["units"], activation="relu")(x)
    x = layers.Dropout(values["dropout"])(x)
    return keras.Model(inputs, output_head(x, input_spec.outputs), name="transfer")


def _features(
    values: Mapping[str, Any], x: keras.KerasTensor, input_spec: InputSpec, params: TransferParams
) -> keras.KerasTensor:
    """Add the backbone and its pooling; return its features (batch, features)."""
    name = values["backbone"]
    backbone = load_backbone(name, x.shape[1:], params.weights, input_spec)
    backbone.name, backbone.trainable = BACKBONE, False
    x = preprocessing(name, as_input(x, backbone))
    where = f"transfer.backbones: {name_or_file(name, input_spec.mirror)}"
    features = add_backbone(backbone, x, where)
    if len(features.shape) == 4:
        average = values["pooling"] == "average"
        pool = layers.GlobalAveragePooling2D if average else layers.GlobalMaxPooling2D
        features = pool()(features)
    return layers.Identity(name=FROZEN)(features)


def unfreeze(model: keras.Model, thaw: str | float) -> None:
    """Make the backbone trainable, as a whole or its last layers.

    Args:
        model: a network of `build`.
        thaw: ``all``; or the share of layers that become trainable, the last ones; or the name of
            the first of these layers.

    Raises:
        ValueError: the backbone has no such layer.
    """
    backbone = model.get_layer(BACKBONE)
    layers_in_order = list(leaf_layers(backbone))
    first = _first_trainable([layer.name for layer in layers_in_order], thaw)
    backbone.trainable = True
    for layer in layers_in_order[:first]:
        layer.trainable = False


def _first_trainable(names: Sequence[str], thaw: str | float) -> int:
    if thaw == "all":
        return 0
    if isinstance(thaw, float):
        return round((1 - thaw) * len(names))
    if thaw not in names:
        near = ", ".join(names[-3:])
        raise ValueError(f"the backbone has no layer {thaw!r}; its last are {near}")
    return names.index(thaw)


def short_name(backbone: str, params: TransferParams) -> str:
    """Short name of a backbone, with its pretraining: ``VGG16-untrained``."""
    if is_saved(backbone):
        return Path(backbone).stem
    trained = {"none": "untrained", "imagenet": "imagenet"}.get(params.weights)
    return f"{backbone}-{trained or Path(params.weights).stem}"
