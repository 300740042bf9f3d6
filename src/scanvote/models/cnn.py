"""The CNN grid: 3×3 convolutions with pooling, dense layers, dropout."""

import keras
from keras import layers
from keras_tuner import HyperParameters

from scanvote.params import CnnParams


def build(
    hp: HyperParameters, shape: tuple[int, int, int], classes: int, params: CnnParams
) -> keras.Model:
    """`convolutions` × (3×3 valid, ReLU, 2×2 pooling) → flatten → dense → dropout → softmax.

    The dense layers are as wide as the convolutions have filters.

    Source: the CNN grid of the published 4-class system (27 combinations).
    """
    inputs = keras.Input(shape, name="scan")
    filters = hp.Choice("filters", params.filters)
    x = layers.Rescaling(1 / 255)(inputs)
    for _ in range(hp.Choice("convolutions", params.convolutions)):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for _ in range(hp.Choice("dense_layers", params.dense_layers)):
        x = layers.Dense(filters, activation="relu")(x)
    x = layers.Dropout(params.dropout)(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x), name="cnn")
