"""A trained backbone as the encoder of a U-Net."""

import keras
import numpy as np
from keras import layers

from scanvote.core.errors import InputError
from scanvote.models.backbones import load_backbone, preprocessing, to_rgb
from scanvote.models.input_spec import InputSpec
from scanvote.params import UnetParams

STRIDE = 32
"""Of the coarsest level of a backbone; the scans' size divides by it."""


def pretrained_levels(
    inputs: keras.KerasTensor, params: UnetParams, brief: InputSpec
) -> list[keras.KerasTensor]:
    """What the backbone makes of the scans at strides 2, 4, 8…, the finest first.

    All of it learns. Of neighbouring slices it is given a mix that learns too, and that starts
    as the slice in the middle.

    Raises:
        InputError: the backbone cannot be had, or has no such levels.
    """
    name = params.encoder
    assert name is not None
    x = _three_channels(inputs, params.context)
    backbone = load_backbone(name, x.shape[1:], params.weights, brief, "unet.encoder")
    taps = _taps(backbone, x.shape[1:])
    if len(taps) < 2:
        raise InputError(f"unet.encoder: {name} has no levels that halve the scans' size")
    levels = keras.Model(backbone.inputs, [backbone.get_layer(tap).output for tap in taps])
    levels.name = "encoder"
    return list(levels(preprocessing(name, x)))


def _taps(backbone: keras.Model, shape: tuple[int, ...]) -> list[str]:
    """The last layer of each size that halves the one before, of scans of (H, W, C)."""
    flat = [layer for layer in backbone.layers if len(getattr(layer.output, "shape", ())) == 4]
    outputs = keras.Model(backbone.inputs, [layer.output for layer in flat])(keras.Input(shape))
    last = {
        tuple(output.shape[1:3]): layer.name for layer, output in zip(flat, outputs, strict=True)
    }
    height, width = shape[:2]
    halves = [(height >> power, width >> power) for power in range(1, 6)]
    return [last[half] for half in halves if half in last]


def _three_channels(x: keras.KerasTensor, context: int) -> keras.KerasTensor:
    if context == 0:
        return to_rgb(x)
    start = _Middle(own=x.shape[-1] // (2 * context + 1))
    return layers.Conv2D(3, 1, use_bias=False, kernel_initializer=start, name="neighbours")(x)


@keras.saving.register_keras_serializable("scanvote")
class _Middle(keras.initializers.Initializer):
    """Of slices one after another, the one in the middle.

    Args:
        own: channels of a slice: 3, or 1 that is spread over all three.
    """

    def __init__(self, own: int) -> None:
        self.own = own

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
        kernel = np.zeros(shape, "float32")
        first = (shape[-2] // self.own) // 2 * self.own
        for channel in range(3):
            kernel[..., first + channel % self.own, channel] = 1
        return keras.ops.convert_to_tensor(kernel, dtype)

    def get_config(self) -> dict[str, int]:
        return {"own": self.own}
