"""The three CNNs on children's chest X-rays (2022)."""

from collections.abc import Sequence

import keras
from keras import layers

from scanvote.models.input_spec import InputSpec, output_head

DROPOUT = 0.25  # the source does not give it


def build_1(brief: InputSpec, weights: str) -> keras.Model:
    """Two blocks of two convolutions; 8,673,793 parameters at 256×256×1 with a sigmoid, of
    which 704 are not trainable. It starts from nothing, whatever `weights`.
    """
    return _build(brief, [(32, 64), (128, 128)], "pneumonia_cnn1")


def build_2(brief: InputSpec, weights: str) -> keras.Model:
    """`build_1` with a third convolution in the second block.

    The source says "slightly more convolutions"; which ones is our reading.
    """
    return _build(brief, [(32, 64), (128, 128, 128)], "pneumonia_cnn2")


def build_3(brief: InputSpec, weights: str) -> keras.Model:
    """`build_1` with a third convolution in both blocks; again our reading."""
    return _build(brief, [(32, 64, 64), (128, 128, 128)], "pneumonia_cnn3")


def _build(brief: InputSpec, blocks: Sequence[Sequence[int]], name: str) -> keras.Model:
    """Blocks of (3×3 convolution → batch norm → pooling) and a dropout, then dense layers.

    Raises:
        ValueError: the scans are too small to be halved for each convolution.
    """
    inputs = keras.Input(brief.shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    for block in blocks:
        for filters in block:
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
        x = layers.Dropout(DROPOUT)(x)
    x = _dense(layers.Flatten()(x), 256, 128)
    x = _dense(layers.Dropout(DROPOUT)(x), 64, 32)
    return keras.Model(inputs, output_head(x, brief.outputs), name=name)


def _dense(x: keras.KerasTensor, *units: int) -> keras.KerasTensor:
    for width in units:
        x = layers.Dense(width, activation="relu")(x)
    return x
