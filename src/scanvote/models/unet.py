"""U-Nets: the published ones for the LGG slices, and ours, from one set of parts.

With no normalisation, plain blocks and dropout 0.3 it is the published U-Net with dropout
(2021), after Ronneberger et al. 2015: 1,941,105 parameters with 16 filters at 256×256×3. With
batch normalisation it is the other published one (2022).
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from scanvote.models.encoders import pretrained_levels
from scanvote.models.input_spec import InputSpec
from scanvote.params import UnetParams

LEVELS = 5
STRIDE = 2 ** (LEVELS - 1)
"""Of the coarsest level of our own encoder; the scans' size divides by it."""


def space(hp: HyperParameters, params: UnetParams) -> None:
    for name in ("filters", "normalisation", "block", "attention", "dropout", "loss"):
        hp.Choice(name, getattr(params, name))


def build(values: Mapping[str, Any], brief: InputSpec, params: UnetParams) -> keras.Model:
    """Levels of two 3×3 convolutions, each half as fine as the one before, and back across skips.

    Input 0…255 of `brief.shape`, (H, W, C); output float (H, W, 1), the probability of tumour
    in each pixel.

    Args:
        values: `filters` of the finest level, each coarser one has twice as many;
            `normalisation`: ``none``, ``batch`` or ``group`` (Wu and He 2018); `block`: ``plain``
            or ``residual`` (He et al. 2016); `attention`: gates on the skips (Oktay et al. 2018);
            `dropout`: of the coarsest level, see `_dropout`.
        brief: the shape, and where trained weights lie.
        params: encoder, its weights, how to get finer again, and the `prior`: the probability
            that the new network gives each pixel (Lin et al. 2017, section 3.3).

    Raises:
        InputError: the encoder cannot be had.
        ValueError: the scans' size does not divide by the coarsest level's stride.
    """
    inputs = keras.Input(brief.shape, name="scan")
    block = partial(_block, values)
    skips = (
        _own_levels(inputs, block)
        if params.encoder is None
        else [
            block(layers.Rescaling(1 / 255)(inputs), 0),
            *pretrained_levels(inputs, params, brief),
        ]
    )
    x = skips.pop()
    for level in reversed(range(len(skips))):
        width = values["filters"] * 2**level
        x = _finer(x, width, params.upsampling)
        skip = _gated(skips[level], x, width) if values["attention"] else skips[level]
        x = block(layers.Concatenate()([x, skip]), level)
    mask = layers.Conv2D(
        1, 1, activation="sigmoid", bias_initializer=_logit(params.prior), dtype="float32"
    )
    return keras.Model(inputs, mask(x), name="unet")


def _logit(share: float) -> keras.initializers.Initializer:
    return keras.initializers.Constant(math.log(share / (1 - share)))


def _own_levels(inputs: keras.KerasTensor, block: Any) -> list[keras.KerasTensor]:
    """The finest first."""
    levels = [block(layers.Rescaling(1 / 255)(inputs), 0)]
    for level in range(1, LEVELS):
        levels.append(block(layers.MaxPooling2D()(levels[-1]), level))
    return levels


def _dropout(most: float, level: int) -> float:
    """A third of `most` at the two finest levels, two thirds at the next two, as published."""
    return round(most * min(level // 2 + 1, 3) / 3, 6)


def _block(values: Mapping[str, Any], x: keras.KerasTensor, level: int) -> keras.KerasTensor:
    """Convolution, dropout, convolution, and across them a shortcut in a residual block."""
    width, kind = values["filters"] * 2**level, values["normalisation"]
    y = layers.ReLU()(_normalised(_convolution(x, width, kind), kind))
    y = layers.Dropout(_dropout(values["dropout"], level))(y)
    y = _normalised(_convolution(y, width, kind), kind)
    if values["block"] == "residual":
        y = layers.Add()([y, layers.Conv2D(width, 1, use_bias=False)(x)])
    return layers.ReLU()(y)


def _convolution(x: keras.KerasTensor, width: int, normalisation: str) -> keras.KerasTensor:
    how = {"padding": "same", "kernel_initializer": "he_normal"}
    # a normalisation that follows has an offset of its own
    return layers.Conv2D(width, 3, use_bias=normalisation == "none", **how)(x)


def _normalised(x: keras.KerasTensor, kind: str) -> keras.KerasTensor:
    if kind == "batch":
        return layers.BatchNormalization()(x)
    return layers.GroupNormalization(groups=min(8, x.shape[-1]))(x) if kind == "group" else x


def _finer(x: keras.KerasTensor, width: int, upsampling: str) -> keras.KerasTensor:
    """Twice as fine. Both ways are deterministic on a GPU; bilinear resizing is not."""
    if upsampling == "transposed":
        return layers.Conv2DTranspose(width, 2, strides=2, padding="same")(x)
    return layers.UpSampling2D(interpolation="nearest")(x)


def _gated(skip: keras.KerasTensor, x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """The skip, weighted in each pixel by what the coarser level asks for."""
    asked = layers.Add()([layers.Conv2D(width, 1)(skip), layers.Conv2D(width, 1)(x)])
    weight = layers.Conv2D(1, 1, activation="sigmoid")(layers.ReLU()(asked))
    return layers.Multiply()([skip, weight])
