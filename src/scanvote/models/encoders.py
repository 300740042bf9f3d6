"""Pretrained backbones as encoders of a U-Net."""

import keras
import numpy as np
from keras import layers

from scanvote.core.errors import InputError
from scanvote.models.backbones import load_backbone, preprocessing, to_rgb
from scanvote.models.input_spec import InputSpec
from scanvote.params import UnetParams

STRIDE = 32
"""Stride of a backbone's coarsest level; the scans' size must be a multiple of it."""


def pretrained_levels(
    inputs: keras.KerasTensor, params: UnetParams, input_spec: InputSpec
) -> list[keras.KerasTensor]:
    """Feature maps of the backbone at strides 2, 4, 8….

    The finest comes first. The whole backbone is trained. Adjacent slices enter through a trained
    1×1 convolution, which starts as a copy of the middle slice.

    Raises:
        InputError: the backbone is not available, or has no such levels.
    """
    name = params.encoder
    assert name is not None
    x = _three_channels(inputs, params.context)
    backbone = load_backbone(name, x.shape[1:], params.weights, input_spec, "unet.encoder")
    taps = _taps(backbone, x.shape[1:])
    if len(taps) < 2:
        raise InputError(f"unet.encoder: {name} has no levels that halve the scans' size")
    levels = keras.Model(backbone.inputs, [backbone.get_layer(tap).output for tap in taps])
    levels.name = "encoder"
    return list(levels(preprocessing(name, x)))


def _taps(backbone: keras.Model, shape: tuple[int, ...]) -> list[str]:
    """Names of the last layers at strides 2 to 32.

    `shape` is that of the scans, (H, W, C). Strides without a layer are left out.
    """
    spatial = [layer for layer in backbone.layers if len(getattr(layer.output, "shape", ())) == 4]
    outputs = keras.Model(backbone.inputs, [layer.output for layer in spatial])(keras.Input(shape))
    last = {
        tuple(output.shape[1:3]): layer.name for layer, output in zip(spatial, outputs, strict=True)
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
    """Kernel of a 1×1 convolution that copies the middle slice.

    Args:
        own: channels of a slice: 3, or 1, which is copied to all three.
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
