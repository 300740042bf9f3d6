"""The ResNet50 for tumour or no tumour (2021)."""

import keras
from keras import layers

from scanvote.models.backbones import load_backbone, to_rgb
from scanvote.models.input_spec import InputSpec, output_head


def build(input_spec: InputSpec, weights: str) -> keras.Model:
    """Build the ResNet50 with a new head.

    ResNet50 → global average pooling → dropout → batch norm → softmax.

    All layers are trained. The pixels stay 0…255, because the published system left out
    ResNet50's scaling. At 224×224×3 with 2 classes it has 23,600,002 parameters, 23,542,786 of
    them trainable.
    """
    inputs = keras.Input(input_spec.shape, name="scan")
    x = to_rgb(inputs)
    x = load_backbone("ResNet50", x.shape[1:], weights, input_spec)(x)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    x = layers.BatchNormalization()(x)
    return keras.Model(inputs, output_head(x, input_spec.outputs), name="resnet50_yes_no")
