"""Pretrained backbones as encoders of a U-Net."""

import keras
import numpy as np
from keras import layers

from scanvote.core.errors import InputError
from scanvote.models.backbones import (
    as_input,
    is_saved,
    load_backbone,
    name_or_file,
    preprocessing,
)
from scanvote.models.input_spec import InputSpec
from scanvote.models.layer_calls import layer_calls, leaf_layers
from scanvote.models.saving import plain_line
from scanvote.params import UnetParams

STRIDE = 32
"""Stride of a backbone's coarsest level; the scans' size must be a multiple of it."""


def pretrained_levels(
    inputs: keras.KerasTensor, params: UnetParams, input_spec: InputSpec
) -> list[keras.KerasTensor]:
    """Feature maps of the backbone at strides 2, 4, 8….

    The finest comes first. The whole backbone is trained, but for the batch normalisation of a
    pretrained one. Adjacent slices enter through a trained 1×1 convolution, which starts as a copy
    of the middle slice. Of a whole classifier its top is left out.

    Raises:
        InputError: the backbone is not available, or has no such levels.
    """
    name = params.encoder
    assert name is not None
    height, width, channels = inputs.shape[1:]
    scan = (height, width, channels // (2 * params.context + 1))
    backbone = load_backbone(name, scan, params.weights, input_spec, "unet.encoder")
    if params.weights != "none" or is_saved(name):
        _freeze_normalisation(backbone)
    x = _encoder_input(inputs, params.context, backbone)
    levels = keras.Model(*_levels(backbone, name_or_file(name, input_spec.mirror), x))
    levels.name = "encoder"
    return list(levels(preprocessing(name, x)))


def _freeze_normalisation(network: keras.Model) -> None:
    """Keep the statistics of the pretraining: those of a few patches fit no whole slice."""
    for layer in leaf_layers(network):
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


def _levels(
    backbone: keras.Model, where: str, x: keras.KerasTensor
) -> tuple[list[keras.KerasTensor], list[keras.KerasTensor]]:
    """Inputs of the backbone, and its last feature maps at strides 2, 4, 8….

    Raises:
        InputError: there are fewer than two such levels, or one between others is missing.
    """
    try:
        maps, inputs = _feature_maps(backbone)
        shapes = keras.Model(inputs, maps)(keras.Input(x.shape[1:]))
    except Exception as error:  # layers of any kind raise nearly any exception
        reason = plain_line(error)
        raise InputError(
            f"unet.encoder: {where}: it refuses slices of {x.shape[1:]}: {reason}"
        ) from None
    last = {tuple(shape.shape[1:3]): map_ for shape, map_ in zip(shapes, maps, strict=True)}
    height, width = x.shape[1:3]
    found = [last.get((height >> power, width >> power)) for power in range(1, 6)]
    while found and found[-1] is None:
        found.pop()
    missing = [level for level, one in enumerate(found, start=1) if one is None]
    if len(found) < 2 or missing:
        share = 2 ** (missing[0] if missing else len(found) + 1)
        raise InputError(
            f"unet.encoder: {where}: it has no feature map of 1/{share} of the slices' sides; an"
            " encoder halves them at each level, at least twice, with padding='same'"
        )
    return inputs, found


def _feature_maps(
    backbone: keras.Model,
) -> tuple[list[keras.KerasTensor], list[keras.KerasTensor]]:
    """All tensors (batch, H, W, C) of the backbone in order, and its inputs."""
    if any(isinstance(layer, keras.Model) for layer in backbone.layers):
        # the layers of a nested network have outputs in a graph of their own
        inputs = keras.Input(keras.tree.flatten(backbone.inputs)[0].shape[1:])
        made = [call.made for call in layer_calls(backbone, inputs)]
    else:
        inputs, made = backbone.inputs, [layer.output for layer in backbone.layers]
    maps = [one for one in made if len(getattr(one, "shape", ())) == 4]
    return maps, keras.tree.flatten(inputs)


def _encoder_input(x: keras.KerasTensor, context: int, backbone: keras.Model) -> keras.KerasTensor:
    """Give the slices the channels of the backbone; adjacent ones by a trained convolution."""
    if context == 0:
        return as_input(x, backbone)
    start = _Middle(own=x.shape[-1] // (2 * context + 1))
    channels = keras.tree.flatten(backbone.inputs)[0].shape[-1] or 3
    convolution = layers.Conv2D(
        channels, 1, use_bias=False, kernel_initializer=start, name="neighbours"
    )
    return convolution(x)


@keras.saving.register_keras_serializable("scanvote")
class _Middle(keras.initializers.Initializer):
    """Kernel of a 1×1 convolution that copies the middle slice.

    Args:
        own: channels of a slice: as many as the kernel has filters, or 1, copied to all of them.
    """

    def __init__(self, own: int) -> None:
        self.own = own

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
        kernel = np.zeros(shape, "float32")
        first = (shape[-2] // self.own) // 2 * self.own
        for channel in range(shape[-1]):
            kernel[..., first + channel % self.own, channel] = 1
        return keras.ops.convert_to_tensor(kernel, dtype)

    def get_config(self) -> dict[str, int]:
        return {"own": self.own}
