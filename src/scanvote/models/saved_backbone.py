"""Load a network that somebody else saved, as a backbone or an encoder.

Whatever does not fit is refused before a training starts, in one line that names the param, the
file and the remedy.
"""

from pathlib import Path
from typing import Any

import keras

from scanvote.core.errors import InputError
from scanvote.models.model_file import damage, why_not_loadable
from scanvote.models.saving import load_saved_model, plain_line

_PREPARED = {"transfer": "prepare.classification", "unet": "prepare.segmentation"}
"""Section of params.yaml with the size and channels of the scans, by that of the network."""
_TOPS = ("softmax", "log_softmax", "sigmoid")
_WITHOUT_TOP = (
    "so it is a whole classifier or segmentation network; save it without its top, such as"
    " keras.Model(model.inputs, model.layers[-2].output)"
)


def load_saved_backbone(path: Path, key: str, shape: tuple[int, ...]) -> keras.Model:
    """Load the network in `path`, and check that it takes scans of `shape`, (H, W, C).

    Raises:
        InputError: it cannot be loaded, or its input does not fit; names the `key` of params.yaml.
    """
    if path.is_file() and (reason := damage(path)):
        raise InputError(f"{key}: {path} is no Keras model: {reason}")
    if path.is_file() and (reason := why_not_loadable(path)):
        raise InputError(f"{key}: {path}: {reason}")
    model = load_saved_model(path, key)
    if reason := _input_problem(model, key, shape):
        raise InputError(f"{key}: {path}: {reason}")
    return model


def _input_problem(model: keras.Model, key: str, shape: tuple[int, ...]) -> str:
    """Say why the network does not take scans of `shape`; empty if it does."""
    inputs = keras.tree.flatten(getattr(model, "inputs", None) or [])
    if not inputs:
        return "it has no input of known shape; give it a keras.Input((None, None, 3)) and save it"
    if len(inputs) > 1:
        return f"it has {len(inputs)} inputs, and there is one, the scan; save a network of one"
    expected = tuple(inputs[0].shape[1:])
    if len(expected) != 3:
        return f"it takes inputs of shape {expected}, and a scan has (height, width, channels)"
    if any(getattr(one, "data_format", "") == "channels_first" for one in model._flatten_layers()):
        return (
            f"it takes channels first, {expected}; build it with data_format='channels_last' and"
            " input (height, width, channels), copy the weights with set_weights, and save that"
        )
    return _channels_problem(expected[2], key, shape[2]) or _size_problem(expected, key, shape)


def _channels_problem(expected: int | None, key: str, channels: int) -> str:
    if expected in (None, channels) or (channels, expected) == (1, 3):
        return ""
    of = f"it takes {expected} channel{'s' * (expected != 1)}, and the scans have {channels}"
    prepared = _PREPARED.get(key.partition(".")[0])
    if expected == 1 and prepared:
        return f"{of}; set {prepared}.channels to 1"
    return f"{of}; scans have 1 or 3: save a network for one of these"


def _size_problem(expected: tuple[int | None, ...], key: str, shape: tuple[int, ...]) -> str:
    pairs = zip(expected[:2], shape[:2], strict=True)
    if all(one in (None, side) for one, side in pairs):
        return ""
    height, width = (side or "any" for side in expected[:2])
    of = f"it takes {height} x {width} pixels, and the scans have {shape[0]} x {shape[1]}"
    prepared = _PREPARED.get(key.partition(".")[0], "inflation")
    square = f"set {prepared}.image_size to {height}, or " if height == width else ""
    return f"{of}; {square}save it with keras.Input((None, None, {expected[2]}))"


def add_backbone(backbone: keras.Model, x: keras.KerasTensor, where: str) -> keras.KerasTensor:
    """Apply `backbone` to `x`; return its features (batch, n) or feature maps (batch, H, W, n).

    Args:
        backbone: any network of one input.
        x: its input, (batch, H, W, C).
        where: param and file or name of the network, for messages.

    Raises:
        InputError: it has several outputs, is a whole classifier, gives something else, or the
            scans are too small for it.
    """

    def refuse(reason: str) -> InputError:
        return InputError(f"{where}: {reason}")

    outputs = keras.tree.flatten(backbone.outputs)
    if len(outputs) > 1:
        raise refuse(
            f"it has {len(outputs)} outputs; save it with one, such as"
            " keras.Model(model.inputs, model.outputs[0])"
        )
    if top := _top(outputs[0]):
        raise refuse(f"it ends in a {top}, {_WITHOUT_TOP}")
    try:
        features = keras.tree.flatten(backbone(x))[0]
    except Exception as error:  # layers of any kind raise nearly any exception
        raise refuse(f"it refuses scans of {x.shape[1:]}: {plain_line(error)}") from None
    if len(features.shape) not in (2, 4) or features.shape[-1] is None:
        raise refuse(
            f"it gives {features.shape[1:]} of a scan, neither features (n,) nor feature maps"
            " (height, width, n); save it up to a layer that does"
        )
    return features


def _top(output: Any) -> str:
    """Name the activation that makes `output` probabilities; empty if there is none."""
    layer = output._keras_history.operation
    if isinstance(layer, keras.Model):
        return _top(keras.tree.flatten(layer.outputs)[0])
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    name = activation or {"LogSoftmax": "log_softmax"}.get(
        type(layer).__name__, type(layer).__name__.lower()
    )
    return name if name in _TOPS else ""
