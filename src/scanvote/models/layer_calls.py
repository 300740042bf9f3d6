"""The layers of a network at work, one after the other, also those of networks within it."""

from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class LayerCall:
    """One layer at work: what it is given, and what it makes of that."""

    layer: keras.Layer
    given: Any
    made: Any


def layer_calls(model: keras.Model, inputs: Any) -> list[LayerCall]:
    """The layers at work on `inputs`, in order, those of nested models in their place.

    Where layers of one within the other share a name, which Keras takes in no model, the later is
    called otherwise from now on.
    """
    _tell_apart(model)
    return _walked(model, inputs)


def _tell_apart(model: keras.Model) -> None:
    owners: dict[str, keras.Layer] = {}
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.Model | keras.layers.InputLayer):
            continue  # they are not at work themselves
        if owners.setdefault(layer.name, layer) is not layer:
            layer.name = f"{layer.name}_within_{len(owners)}"
            owners[layer.name] = layer


def _walked(model: keras.Model, inputs: Any) -> list[LayerCall]:
    steps: list[LayerCall] = []

    def call(layer: keras.Layer, *given: Any, **options: Any) -> Any:
        if isinstance(layer, keras.Model):
            steps.extend(_walked(layer, given[0]))
        else:
            steps.append(LayerCall(layer, given[0], layer(*given, **options)))
        return steps[-1].made

    # a model of one input takes it by itself, or in a list, as it was made
    alike = keras.tree.map_structure(lambda _: keras.tree.flatten(inputs)[0], model.input)
    keras.models.clone_model(
        model, input_tensors=alike, clone_function=lambda layer: layer, call_function=call
    )
    return steps


def feature_maps(steps: list[LayerCall]) -> list[Any]:
    """The tensors of four axes from the first convolution on, in order."""
    first = next((at for at, step in enumerate(steps) if _convolves(step.layer)), len(steps))
    return [step.made for step in steps[first:] if len(step.made.shape) == 4]


def _convolves(layer: keras.Layer) -> bool:
    """It has a kernel of four axes."""
    return any(len(weight.shape) == 4 for weight in layer.weights)
