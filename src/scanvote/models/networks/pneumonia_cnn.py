"""The three CNNs for children's chest X-rays (2022)."""

from collections.abc import Sequence

import keras
from keras import layers

from scanvote.models.input_spec import InputSpec, output_head

DROPOUT = 0.25  # the source does not give it


def build_1(input_spec: InputSpec, weights: str) -> keras.Model:
    """Build the CNN with two blocks of two convolutions.

    At 256×256×1 with a sigmoid it has 8,673,793 parameters, of which 704 are not trainable. It is
    never pretrained, whatever `weights`.
    """
    return _build(input_spec, [(32, 64), (128, 128)], "pneumonia_cnn1")


def build_2(input_spec: InputSpec, weights: str) -> keras.Model:
    """Build `build_1` with a third convolution in the second block.

    The source says "slightly more convolutions"; their place is our reading.
    """
    return _build(input_spec, [(32, 64), (128, 128, 128)], "pneumonia_cnn2")


def build_3(input_spec: InputSpec, weights: str) -> keras.Model:
    """Build `build_1` with a third convolution in both blocks, again our reading."""
    return _build(input_spec, [(32, 64, 64), (128, 128, 128)], "pneumonia_cnn3")


def _build(input_spec: InputSpec, blocks: Sequence[Sequence[int]], name: str) -> keras.Model:
    """Build blocks of (3×3 convolution → batch norm → pooling).

    Each block ends with dropout; dense layers follow the last block.

    Raises:
        ValueError: the scans are too small to be halved after each convolution.
    """
    inputs = keras.Input(input_spec.shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    for block in blocks:
        for filters in block:
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
        x = layers.Dropout(DROPOUT)(x)
    x = _dense(layers.Flatten()(x), 256, 128)
    x = _dense(layers.Dropout(DROPOUT)(x), 64, 32)
    return keras.Model(inputs, output_head(x, input_spec.outputs), name=name)


def _dense(x: keras.KerasTensor, *units: int) -> keras.KerasTensor:
    for width in units:
        x = layers.Dense(width, activation="relu")(x)
    return x
