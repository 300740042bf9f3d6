"""The ANN grid: flattened pixels, dense layers, dropout."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from scanvote.core.errors import InputError
from scanvote.models.input_spec import InputSpec, output_head
from scanvote.params import AnnParams


def space(hp: HyperParameters, params: AnnParams) -> None:
    depth = hp.Choice("dense_layers", params.dense_layers)
    # without a hidden layer there is no width: the grid must not train it thrice
    deep = [n for n in params.dense_layers if n > 0]
    # entered whatever the depth: a scope is how Keras Tuner learns that there is more to ask
    with hp.conditional_scope("dense_layers", deep) if deep else nullcontext():
        if depth > 0:
            hp.Choice("units", params.units)


def build(values: Mapping[str, Any], brief: InputSpec, params: AnnParams) -> keras.Model:
    """Shrink → flatten → `dense_layers` × dense(`units`, ReLU) → dropout → softmax.

    `params.shrink` divides the sides of the scan; at 1 all pixels are seen.

    Raises:
        InputError: it does not divide them.

    Source: the ANN grid of the published 4-class system (dense layers 0/1/2 of 32/64/128).
    """
    height, width = brief.shape[:2]
    if height % params.shrink or width % params.shrink:
        raise InputError(
            f"ann.shrink: {params.shrink} does not divide scans of {height} x {width} pixels;"
            " choose a number that divides both sides"
        )
    inputs = keras.Input(brief.shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    if params.shrink > 1:
        x = layers.AveragePooling2D(params.shrink)(x)
    x = layers.Flatten()(x)
    for _ in range(values["dense_layers"]):
        x = layers.Dense(values["units"], activation="relu")(x)
    x = layers.Dropout(params.dropout)(x)
    return keras.Model(inputs, output_head(x, brief.outputs), name="ann")
