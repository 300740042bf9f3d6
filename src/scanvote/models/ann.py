"""ANN family: flattened pixels, dense layers, dropout."""

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
    # a network without hidden layer has no width: do not train it once for each `units`
    deep = [n for n in params.dense_layers if n > 0]
    # enter the scope for any depth: otherwise Keras Tuner does not discover `units`
    with hp.conditional_scope("dense_layers", deep) if deep else nullcontext():
        if depth > 0:
            hp.Choice("units", params.units)


def build(values: Mapping[str, Any], input_spec: InputSpec, params: AnnParams) -> keras.Model:
    """Build the ANN for the given hyperparameters.

    Average pooling → flatten → `dense_layers` × dense(`units`, ReLU) → dropout → softmax. The
    pooling divides the sides of the scan by `params.shrink`; 1 keeps all pixels.

    Raises:
        InputError: `params.shrink` does not divide the sides of the scan.

    Source: the ANN grid of the published 4-class system (dense layers 0/1/2 of 32/64/128).
    """
    height, width = input_spec.shape[:2]
    if height % params.shrink or width % params.shrink:
        raise InputError(
            f"ann.shrink: {params.shrink} does not divide scans of {height} x {width} pixels;"
            " choose a number that divides both sides"
        )
    inputs = keras.Input(input_spec.shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    if params.shrink > 1:
        x = layers.AveragePooling2D(params.shrink)(x)
    x = layers.Flatten()(x)
    for _ in range(values["dense_layers"]):
        x = layers.Dense(values["units"], activation="relu")(x)
    x = layers.Dropout(params.dropout)(x)
    return keras.Model(inputs, output_head(x, input_spec.outputs), name="ann")
