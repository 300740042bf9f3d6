"""CNN family: 3×3 convolutions with pooling, dense layers, dropout."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from scanvote.models.input_spec import InputSpec, output_head
from scanvote.params import CnnParams


def space(hp: HyperParameters, params: CnnParams) -> None:
    hp.Choice("filters", params.filters)
    hp.Choice("convolutions", params.convolutions)
    hp.Choice("dense_layers", params.dense_layers)


def build(values: Mapping[str, Any], input_spec: InputSpec, params: CnnParams) -> keras.Model:
    """Build the CNN for the given hyperparameters.

    `convolutions` × (3×3 valid, ReLU, 2×2 pooling) → flatten → `dense_layers` × dense(`filters`,
    ReLU) → dropout → softmax.

    Source: the CNN grid of the published 4-class system (27 combinations).
    """
    inputs = keras.Input(input_spec.shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    for _ in range(values["convolutions"]):
        x = layers.Conv2D(values["filters"], 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for _ in range(values["dense_layers"]):
        x = layers.Dense(values["filters"], activation="relu")(x)
    x = layers.Dropout(params.dropout)(x)
    return keras.Model(inputs, output_head(x, input_spec.outputs), name="cnn")
