"""The architecture of each model family.

A package loads its networks without this module, so it needs no Keras Tuner.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from scanvote.models import ann, cnn, published, transfer
from scanvote.models.input_spec import InputSpec

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters


class Architecture(Protocol):
    """A module with the search space and the networks of a family.

    `params` is the family's section of params.yaml.
    """

    def space(self, hp: "HyperParameters", params: Any) -> None:
        """Register the hyperparameters of the search space with `hp`."""

    def build(self, values: Mapping[str, Any], input_spec: InputSpec, params: Any) -> "keras.Model":
        """Build the network for given hyperparameters, not compiled."""


FAMILIES: Mapping[str, Architecture] = {
    "ann": ann,
    "cnn": cnn,
    "transfer": transfer,
    "published": published,
}
