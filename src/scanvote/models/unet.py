"""The U-Net with dropout, as published for the LGG slices."""

import keras
from keras import layers


def build(shape: tuple[int, int, int], filters: int = 16) -> keras.Model:
    """Five levels of two 3×3 convolutions with dropout between, and skips across.

    Input 0…255 of `shape`, height and width divisible by 16; output float
    (H, W, 1), the probability of tumour in each pixel. With 16 filters and
    256×256×3 it has 1,941,105 parameters.

    Source: the published U-Net on LGG slices (2021), after Ronneberger et al. 2015.
    """
    inputs = keras.Input(shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    skips = []
    for level, dropout in enumerate((0.1, 0.1, 0.2, 0.2)):
        x = _convolutions(x, filters * 2**level, dropout)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = _convolutions(x, filters * 16, 0.3)
    for level, dropout in zip((3, 2, 1, 0), (0.2, 0.2, 0.1, 0.1), strict=True):
        x = layers.Conv2DTranspose(filters * 2**level, 2, strides=2, padding="same")(x)
        x = layers.Concatenate()([x, skips[level]])
        x = _convolutions(x, filters * 2**level, dropout)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x), name="unet")


def _convolutions(x: keras.KerasTensor, filters: int, dropout: float) -> keras.KerasTensor:
    convolve = {"activation": "relu", "padding": "same", "kernel_initializer": "he_normal"}
    x = layers.Conv2D(filters, 3, **convolve)(x)
    x = layers.Dropout(dropout)(x)
    return layers.Conv2D(filters, 3, **convolve)(x)
