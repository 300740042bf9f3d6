"""The DenseNet121 on children's chest X-rays, from scratch (2022)."""

import keras
from keras import layers

from scanvote.models.input_spec import InputSpec, output_head


def build(brief: InputSpec, weights: str) -> keras.Model:
    """Dense blocks of 6, 12, 24 and 16 → global average pooling → sigmoid.

    Source: Huang et al. 2017. At 256×256×1 with a sigmoid 7,032,257 parameters. It starts
    from nothing, whatever `weights`.
    """
    inputs = keras.Input(brief.shape, name="scan")
    x = layers.Rescaling(1 / 255)(inputs)
    x = keras.applications.DenseNet121(include_top=False, weights=None, input_shape=brief.shape)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, output_head(x, brief.outputs), name="densenet121")
