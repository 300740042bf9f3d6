"""EfficientNet-Lite, the EfficientNet for phones.

It has ReLU6 and no squeeze-and-excitation.

Source: Tan and Le, ICML 2019, and Google's `efficientnet-lite` of 2020.
"""

import math
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

STEM, HEAD = 32, 1280
"""Filters of the first and the last convolution, the same for every width."""
MEAN = np.array([0.485, 0.456, 0.406]) * 255
"""Mean of ImageNet's pixels, RGB."""
DEVIATION = np.array([0.229, 0.224, 0.225]) * 255
"""Standard deviation of ImageNet's pixels, RGB."""


class Lite(NamedTuple):
    """Scaling of one network of the family.

    Attributes:
        width: factor of the number of filters in the blocks.
        depth: factor of the number of blocks in a stage.
    """

    width: float
    depth: float


LITES = {
    "EfficientNetLite0": Lite(1.0, 1.0),
    "EfficientNetLite1": Lite(1.0, 1.1),
    "EfficientNetLite2": Lite(1.1, 1.2),
}


class _Stage(NamedTuple):
    """A sequence of `repeats` equal blocks."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


STAGES = [
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
]


class _Block(NamedTuple):
    """An inverted bottleneck."""

    kernel: int
    stride: int
    expansion: int
    filters: int


def build(name: str) -> keras.Model:
    """Build the untrained network `name` without its classification head.

    It maps RGB images 0…255 of any size to feature maps of 1,280 channels. Its layers are
    ``stem_…``, ``block0_…`` to ``block15_…`` or more, and ``head_…``.
    """
    inputs = keras.Input((None, None, 3), name="image")
    normalised = layers.Normalization(
        mean=MEAN.tolist(), variance=(DEVIATION**2).tolist(), name="imagenet_normalization"
    )
    x = _conv(normalised(inputs), "stem", STEM, 3, 2)
    for number, block in enumerate(_blocks(LITES[name])):
        x = _bottleneck(x, block, f"block{number}")
    return keras.Model(inputs, _conv(x, "head", HEAD), name=name.lower())


def _blocks(lite: Lite) -> list[_Block]:
    """List all blocks of a network.

    Only the first block of a stage has its stride. `depth` does not scale the first and the last
    stage.
    """
    blocks = []
    for place, stage in enumerate(STAGES):
        is_end = place in (0, len(STAGES) - 1)
        repeats = stage.repeats if is_end else math.ceil(lite.depth * stage.repeats)
        for number in range(repeats):
            stride = stage.stride if number == 0 else 1
            filters = _scaled_filters(stage.filters, lite.width)
            blocks.append(_Block(stage.kernel, stride, stage.expansion, filters))
    return blocks


def _scaled_filters(filters: int, width: float) -> int:
    """Round to a multiple of 8, at most 10 % down."""
    rounded = max(8, int(filters * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters * width else rounded


def _conv(
    x: keras.KerasTensor, name: str, filters: int, kernel: int = 1, stride: int = 1
) -> keras.KerasTensor:
    conv = layers.Conv2D(
        filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv"
    )
    return _activated(_normalised(conv(x), name), name)


def _normalised(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)


def _activated(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.ReLU(max_value=6, name=f"{name}_relu")(x)


def _bottleneck(x: keras.KerasTensor, block: _Block, name: str) -> keras.KerasTensor:
    block_input, channels = x, x.shape[-1]
    if block.expansion > 1:
        wide = block.expansion * channels
        x = layers.Conv2D(wide, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = _activated(_normalised(x, f"{name}_expand"), f"{name}_expand")
    x = layers.DepthwiseConv2D(
        block.kernel, block.stride, padding="same", use_bias=False, name=f"{name}_dw"
    )(x)
    x = _activated(_normalised(x, f"{name}_dw"), f"{name}_dw")
    x = layers.Conv2D(block.filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = _normalised(x, f"{name}_project")
    if block.stride > 1 or channels != block.filters:
        return x
    return layers.Add(name=f"{name}_add")([x, block_input])
