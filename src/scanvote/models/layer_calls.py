"""The layers of a network and the sequence of their calls, nested models included."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import keras


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer: input `given` and output `made`."""

    layer: keras.Layer
    given: Any
    made: Any


def leaf_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers of a network in order, those of nested networks one by one."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaf_layers(layer)
        else:
            yield layer


def layer_calls(model: keras.Model, inputs: Any) -> list[LayerCall]:
    """List the layer calls on `inputs` in order, nested models unrolled.

    If layers of nested models share a name, which Keras allows in no single model, the later one
    is renamed in place.
    """
    _make_names_unique(model)
    return _trace(model, inputs)[0]


def _make_names_unique(model: keras.Model) -> None:
    owners: dict[str, keras.Layer] = {}
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.Model | keras.layers.InputLayer):
            continue  # they appear in no `LayerCall`
        if owners.setdefault(layer.name, layer) is not layer:
            layer.name = f"{layer.name}_within_{len(owners)}"
            owners[layer.name] = layer


def _trace(model: keras.Model, inputs: Any) -> tuple[list[LayerCall], Any]:
    """Return the layer calls, and the output: a tensor, or a list of an encoder's levels."""
    calls: list[LayerCall] = []

    def call(layer: keras.Layer, *given: Any, **options: Any) -> Any:
        if isinstance(layer, keras.Model):
            below, made = _trace(layer, given[0])
            calls.extend(below)
        else:
            made = layer(*given, **options)
            calls.append(LayerCall(layer, given[0], made))
        return made

    if isinstance(model, keras.Sequential):
        return calls, reduce(lambda x, layer: call(layer, x), model.layers, inputs)
    # `keras.models.clone_model` runs this too, but returns a graph that is cut off from `inputs`
    made = model._run_through_graph(
        keras.tree.flatten(inputs), operation_fn=lambda layer: layer, call_fn=call
    )
    return calls, made


def for_patches(model: keras.Model, side: int) -> keras.Model:
    """Return a network for patches that shares the layers of `model`, and so its weights.

    Args:
        model: a fully convolutional network for (H, W, C).
        side: height and width of the patches.
    """
    inputs = keras.Input((side, side, model.input_shape[-1]), name="patch")
    return keras.Model(inputs, layer_calls(model, inputs)[-1].made, name=f"{model.name}_patches")


def feature_maps(calls: list[LayerCall]) -> list[Any]:
    """List the four-axis tensors (feature maps) from the first convolution on."""
    first = next((at for at, one in enumerate(calls) if _is_convolution(one.layer)), len(calls))
    return [one.made for one in calls[first:] if len(getattr(one.made, "shape", ())) == 4]


def _is_convolution(layer: keras.Layer) -> bool:
    """Tell if the layer has a kernel with four axes; an operation of `keras.ops` has none."""
    return any(len(weight.shape) == 4 for weight in getattr(layer, "weights", ()))
