"""Networks with Keras' own layers alone, which any process can load.

Keras loads a layer of another package only if that package was imported before, and neither it
nor `mlflow.keras.load_model` imports one.
"""

from typing import Any

import keras

import scanvote.models.backbones
import scanvote.models.encoders
import scanvote.models.flip_tta  # noqa: F401 - registers our layers, as the two others do

_PACKAGE = __name__.partition(".")[0]


def portable(model: keras.Model) -> keras.Model:
    """Return the network with the calls of our layers replaced by what they compute.

    It gives the same numbers and has the weights of `model`, whose initializers it loses if they
    are ours: they have done their work.
    """
    for layer in model._flatten_layers():
        for name, value in vars(layer).items():
            if isinstance(value, keras.initializers.Initializer) and _is_ours(value):
                setattr(layer, name, keras.initializers.Zeros())
    if not any(map(_is_ours, model._flatten_layers(include_self=False))):
        return model
    return _inlined(model, {})


def _inlined(model: keras.Model, known: dict[int, keras.Model]) -> keras.Model:
    """Clone a model and those nested in it; a nested model that is called twice stays one."""

    def call(layer: keras.Layer, *given: Any, **options: Any) -> Any:
        if isinstance(layer, keras.Model):
            if id(layer) not in known:
                known[id(layer)] = _inlined(layer, known)
            return known[id(layer)](*given, **options)
        return layer.call(*given, **options) if _is_ours(layer) else layer(*given, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def _is_ours(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == _PACKAGE
