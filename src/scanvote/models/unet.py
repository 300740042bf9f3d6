"""U-Nets: our own and the published ones for the LGG slices.

Without normalisation, with plain blocks and dropout 0.3 it is the published U-Net with dropout
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
"""Stride of our own encoder's coarsest level; the scans' size must be a multiple of it."""


def space(hp: HyperParameters, params: UnetParams) -> None:
    for name in ("filters", "normalisation", "block", "attention", "dropout", "loss"):
        hp.Choice(name, getattr(params, name))


def build(values: Mapping[str, Any], input_spec: InputSpec, params: UnetParams) -> keras.Model:
    """Build the U-Net for the given hyperparameters.

    Every level has blocks of two 3×3 convolutions and half the resolution of the level before;
    the decoder goes back up, with skip connections. The input is 0…255 of `input_spec.shape`,
    (H, W, C); the output float (H, W, 1), the probability of tumour in each pixel.

    Args:
        values: `filters` of the finest level, doubled at each coarser one;
            `normalisation`: ``none``, ``batch`` or ``group`` (Wu and He 2018); `block`: ``plain``
            or ``residual`` (He et al. 2016); `attention`: gates on the skips (Oktay et al. 2018);
            `dropout`: rate at the coarsest level, see `_dropout`.
        input_spec: the input shape, and the folder that may hold pretrained weights.
        params: the encoder, its weights, the method of upsampling, and the `prior`: the
            probability that the untrained network gives each pixel (Lin et al. 2017, section 3.3).

    Raises:
        InputError: the encoder is not available.
        ValueError: the scans' size is no multiple of the coarsest level's stride.
    """
    inputs = keras.Input(input_spec.shape, name="scan")
    block = partial(_block, values)
    skips = (
        _own_levels(inputs, block)
        if params.encoder is None
        else [
            block(layers.Rescaling(1 / 255)(inputs), 0),
            *(
                _narrowed(map_, values["filters"] * 2**level)
                for level, map_ in enumerate(pretrained_levels(inputs, params, input_spec), 1)
            ),
        ]
    )
    x = skips.pop()
    for level in reversed(range(len(skips))):
        width = values["filters"] * 2**level
        x = _upsample(x, width, params.upsampling)
        skip = _gated(skips[level], x, width) if values["attention"] else skips[level]
        x = block(layers.Concatenate()([x, skip]), level)
    mask = layers.Conv2D(
        1, 1, activation="sigmoid", bias_initializer=_logit(params.prior), dtype="float32"
    )
    return keras.Model(inputs, mask(x), name="unet")


def _narrowed(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """Reduce a backbone's feature map to the decoder's width, as Lin et al. 2017 (FPN) do."""
    return layers.Conv2D(width, 1)(x) if x.shape[-1] > width else x


def _logit(prior: float) -> keras.initializers.Initializer:
    return keras.initializers.Constant(math.log(prior / (1 - prior)))


def _own_levels(inputs: keras.KerasTensor, block: Any) -> list[keras.KerasTensor]:
    """Feature maps of our own encoder, the finest first."""
    levels = [block(layers.Rescaling(1 / 255)(inputs), 0)]
    for level in range(1, LEVELS):
        levels.append(block(layers.MaxPooling2D()(levels[-1]), level))
    return levels


def _dropout(max_rate: float, level: int) -> float:
    """Dropout rate of a level, as published.

    A third of `max_rate` at the two finest levels, two thirds at the next two, then all of it.
    """
    return round(max_rate * min(level // 2 + 1, 3) / 3, 6)


def _block(values: Mapping[str, Any], x: keras.KerasTensor, level: int) -> keras.KerasTensor:
    """Add convolution, dropout, convolution; a residual block also has a shortcut."""
    width, kind = values["filters"] * 2**level, values["normalisation"]
    y = layers.ReLU()(_normalised(_convolution(x, width, kind), kind))
    y = layers.Dropout(_dropout(values["dropout"], level))(y)
    y = _normalised(_convolution(y, width, kind), kind)
    if values["block"] == "residual":
        y = layers.Add()([y, layers.Conv2D(width, 1, use_bias=False)(x)])
    return layers.ReLU()(y)


def _convolution(x: keras.KerasTensor, width: int, normalisation: str) -> keras.KerasTensor:
    options = {"padding": "same", "kernel_initializer": "he_normal"}
    # no bias before a normalisation, which has an offset of its own
    return layers.Conv2D(width, 3, use_bias=normalisation == "none", **options)(x)


def _normalised(x: keras.KerasTensor, kind: str) -> keras.KerasTensor:
    if kind == "batch":
        return layers.BatchNormalization()(x)
    return layers.GroupNormalization(groups=min(8, x.shape[-1]))(x) if kind == "group" else x


def _upsample(x: keras.KerasTensor, width: int, upsampling: str) -> keras.KerasTensor:
    """Double the resolution, deterministically on a GPU, unlike bilinear resizing."""
    if upsampling == "transposed":
        return layers.Conv2DTranspose(width, 2, strides=2, padding="same")(x)
    return layers.UpSampling2D(interpolation="nearest")(x)


def _gated(skip: keras.KerasTensor, x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """Attention gate: weight each pixel of the skip by the coarser level."""
    added = layers.Add()([layers.Conv2D(width, 1)(skip), layers.Conv2D(width, 1)(x)])
    weight = layers.Conv2D(1, 1, activation="sigmoid")(layers.ReLU()(added))
    return layers.Multiply()([skip, weight])
