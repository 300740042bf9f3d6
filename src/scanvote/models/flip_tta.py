"""A model that looks twice: at the scan, and at its mirror image."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("scanvote", name="Mirror")
class FlipTTA(layers.Layer):
    """Images (batch, H, W, C), left and right exchanged."""

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return ops.flip(x, axis=2)


def with_flip_tta(model: keras.Model) -> keras.Model:
    """The mean of what `model` says of a scan and of its mirror image.

    It has the weights of `model`, which is its layer of that name. A mask of the mirror image
    is turned back. A network's left and right are not the patient's: no label would change.
    """
    inputs = keras.Input(model.input_shape[1:], name="scan")
    there, back = model(inputs), model(FlipTTA()(inputs))
    both = [there, FlipTTA()(back) if len(back.shape) == 4 else back]
    return keras.Model(inputs, layers.Average()(both), name=f"{model.name}_mirrored")
