"""The architecture of each model family; apart, as a trained network needs no Keras Tuner."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from scanvote.models import ann, cnn, published, transfer
from scanvote.models.input_spec import InputSpec

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters


class Architecture(Protocol):
    """A module with the grid of a family and its networks; `params` is the family's section."""

    def space(self, hp: "HyperParameters", params: Any) -> None:
        """Ask Keras Tuner for the choices that span the grid."""

    def build(self, values: Mapping[str, Any], brief: InputSpec, params: Any) -> "keras.Model":
        """The network of one point of the grid, not compiled."""


FAMILIES: Mapping[str, Architecture] = {
    "ann": ann,
    "cnn": cnn,
    "transfer": transfer,
    "published": published,
}
