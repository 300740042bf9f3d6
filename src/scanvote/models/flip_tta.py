"""Test-time augmentation: average over a scan and its mirror image."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("scanvote", name="Mirror")
class FlipTTA(layers.Layer):
    """Flip images (batch, H, W, C) left to right."""

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return ops.flip(x, axis=2)


def with_flip_tta(model: keras.Model) -> keras.Model:
    """Return a model that averages over a scan and its mirror image.

    It shares the weights of `model`, which is its layer of that name. A mask of the mirror image
    is flipped back. No label depends on left and right: to a network they are not the patient's.
    """
    inputs = keras.Input(model.input_shape[1:], name="scan")
    original, flipped = model(inputs), model(FlipTTA()(inputs))
    both = [original, FlipTTA()(flipped) if len(flipped.shape) == 4 else flipped]
    return keras.Model(inputs, layers.Average()(both), name=f"{model.name}_mirrored")
