"""Family of published networks, with the network as a hyperparameter."""

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
"""The backbone of each network that may start from pretrained weights."""


def space(hp: HyperParameters, params: PublishedParams) -> None:
    hp.Choice("network", params.networks)


def build(values: Mapping[str, Any], input_spec: InputSpec, params: PublishedParams) -> keras.Model:
    """Build the network `values["network"]` for any scan size and number of classes.

    Raises:
        ValueError: the scans are too small for it.
        InputError: its weights are not available.
    """
    return NETWORKS[values["network"]](input_spec, params.weights)
