"""The one-convolution CNN on tumour or none, which was explained with LIME (2021)."""

import keras
from keras import layers

from scanvote.models.input_spec import InputSpec, output_head


def build(brief: InputSpec, weights: str) -> keras.Model:
    """3×3 convolution of 32 filters, ReLU → flatten → sigmoid.

    At 150×150×3 with a sigmoid 720,897 parameters. It starts from nothing, whatever `weights`.
    """
    inputs = keras.Input(brief.shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, output_head(layers.Flatten()(x), brief.outputs), name="cnn_lime")
