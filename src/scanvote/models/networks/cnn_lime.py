"""The one-convolution tumour classifier that was explained with LIME (2021)."""

import keras
from keras import layers

from scanvote.models.input_spec import InputSpec, output_head


def build(input_spec: InputSpec, weights: str) -> keras.Model:
    """Build it: 3×3 convolution of 32 filters, ReLU → flatten → sigmoid.

    At 150×150×3 with a sigmoid it has 720,897 parameters. It is never pretrained, whatever
    `weights`.
    """
    inputs = keras.Input(input_spec.shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    return keras.Model(
        inputs, output_head(layers.Flatten()(x), input_spec.outputs), name="cnn_lime"
    )
