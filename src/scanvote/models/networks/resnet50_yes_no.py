"""The ResNet50 on yes/no tumours (2021)."""

import keras
from keras import layers

from scanvote.models.backbones import load_backbone, to_rgb
from scanvote.models.input_spec import InputSpec, output_head


def build(brief: InputSpec, weights: str) -> keras.Model:
    """ResNet50 → global average pooling → dropout → batch norm → softmax; all of it learns.

    Pixels go in as 0…255, as published: ResNet50's own scaling was left out there. At
    224×224×3 with 2 classes 23,600,002 parameters, 23,542,786 of them trainable.
    """
    inputs = keras.Input(brief.shape, name="scan")
    x = to_rgb(inputs)
    x = load_backbone("ResNet50", x.shape[1:], weights, brief)(x)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    x = layers.BatchNormalization()(x)
    return keras.Model(inputs, output_head(x, brief.outputs), name="resnet50_yes_no")
