"""The sequence of a network's layer calls, nested models included."""

from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer: input `given` and output `made`."""

    layer: keras.Layer
    given: Any
    made: Any


def layer_calls(model: keras.Model, inputs: Any) -> list[LayerCall]:
    """List the layer calls on `inputs` in order, nested models unrolled.

    If layers of nested models share a name, which Keras allows in no single model, the later one
    is renamed in place.
    """
    _make_names_unique(model)
    return _trace(model, inputs)


def _make_names_unique(model: keras.Model) -> None:
    owners: dict[str, keras.Layer] = {}
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.Model | keras.layers.InputLayer):
            continue  # they appear in no `LayerCall`
        if owners.setdefault(layer.name, layer) is not layer:
            layer.name = f"{layer.name}_within_{len(owners)}"
            owners[layer.name] = layer


def _trace(model: keras.Model, inputs: Any) -> list[LayerCall]:
    calls: list[LayerCall] = []

    def call(layer: keras.Layer, *given: Any, **options: Any) -> Any:
        if isinstance(layer, keras.Model):
            calls.extend(_trace(layer, given[0]))
        else:
            calls.append(LayerCall(layer, given[0], layer(*given, **options)))
        return calls[-1].made

    # a model with one input expects a tensor or a list of one, depending on how it was built
    tensors = keras.tree.map_structure(lambda _: keras.tree.flatten(inputs)[0], model.input)
    keras.models.clone_model(
        model, input_tensors=tensors, clone_function=lambda layer: layer, call_function=call
    )
    return calls


def feature_maps(calls: list[LayerCall]) -> list[Any]:
    """List the four-axis tensors (feature maps) from the first convolution on."""
    first = next((at for at, one in enumerate(calls) if _is_convolution(one.layer)), len(calls))
    return [one.made for one in calls[first:] if len(one.made.shape) == 4]


def _is_convolution(layer: keras.Layer) -> bool:
    """Tell if the layer has a kernel with four axes."""
    return any(len(weight.shape) == 4 for weight in layer.weights)
