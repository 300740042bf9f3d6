"""The DenseNet121 for children's chest X-rays, trained from scratch (2022)."""

import keras
from keras import layers

from scanvote.models.input_spec import InputSpec, output_head


def build(input_spec: InputSpec, weights: str) -> keras.Model:
    """Build it: dense blocks → global average pooling → sigmoid.

    The blocks have 6, 12, 24 and 16 layers. At 256×256×1 with a sigmoid it has 7,032,257
    parameters. It is never pretrained, whatever `weights`.

    Source: Huang et al. 2017.
    """
    inputs = keras.Input(input_spec.shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    x = keras.applications.DenseNet121(
        include_top=False, weights=None, input_shape=input_spec.shape
    )(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, output_head(x, input_spec.outputs), name="densenet121")
