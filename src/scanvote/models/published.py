"""The exact networks of published systems, one page each: their choice is the grid."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras_tuner import HyperParameters

from scanvote.models.input_spec import InputSpec
from scanvote.models.networks import cnn_lime, densenet121, pneumonia_cnn, resnet50_yes_no
from scanvote.params import PublishedParams

NETWORKS: dict[str, Callable[[InputSpec, str], keras.Model]] = {
    "resnet50_yes_no": resnet50_yes_no.build,
    "cnn_lime": cnn_lime.build,
    "pneumonia_cnn1": pneumonia_cnn.build_1,
    "pneumonia_cnn2": pneumonia_cnn.build_2,
    "pneumonia_cnn3": pneumonia_cnn.build_3,
    "densenet121": densenet121.build,
}

PRETRAINED = {"resnet50_yes_no": "ResNet50"}
"""The backbone of those that may start from trained weights."""


def space(hp: HyperParameters, params: PublishedParams) -> None:
    hp.Choice("network", params.networks)


def build(values: Mapping[str, Any], brief: InputSpec, params: PublishedParams) -> keras.Model:
    """The network of that name, for scans of any size and any number of classes.

    Raises:
        ValueError: the scans are too small for it.
        InputError: its weights cannot be had.
    """
    return NETWORKS[values["network"]](brief, params.weights)
