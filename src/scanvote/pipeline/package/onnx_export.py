"""ONNX export with tf2onnx: reproducible byte for byte, and checked.

Packages answer with these graphs (`scanvote.pipeline.package.runtime`), and so do sites without
Python.
"""

import importlib
import io
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write
from scanvote.core.parallel import run_in_process
from scanvote.pipeline.package.networks import load_network
from scanvote.pipeline.package.runtime import BATCH, INPUT, OUTPUTS

if TYPE_CHECKING:
    import keras
    from onnx import GraphProto, ModelProto, NodeProto

TOLERANCE = 1e-3
"""Maximum difference between a probability of the network and of its ONNX graph.

It is the largest of all pixels of all test masks; a U-Net of LGG was up to 0.00017 away.
"""


def export_networks(paths: Sequence[Path]) -> list[Path]:
    """Write each network beside its Keras archive: ``1.onnx`` beside ``1.keras``.

    A graph takes float32 (batch, H, W, C) of pixels 0…255 and returns the network's output and the
    features of `scanvote.models.features`. tf2onnx needs networks on TensorFlow, whatever the
    pipeline's backend, so a separate process does it.

    Raises:
        InputError: TensorFlow is not installed, or an archive is no network that can be exported.
    """
    # tf2onnx iterates over sets of names, and the ONNX file must not depend on their order
    return run_in_process(_export_all, list(paths), PYTHONHASHSEED="0")


def _export_all(paths: Sequence[Path]) -> list[Path]:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the parent may hold all GPU memory
    return [_export(path) for path in paths]


def _export(path: Path) -> Path:
    try:
        use_backend("tensorflow")
    except InputError:
        raise InputError(
            "package.onnx: TensorFlow writes the networks as ONNX and is not installed here;"
            " install it beside, or set it to false"
        ) from None
    _hash_nodes_by_name()
    _reset_name_counter()
    model, target = load_network(path), path.with_suffix(".onnx")
    _fold_normalisation(model)
    model = _with_features(model)
    with atomic_write(target) as beside:
        raw = beside.with_name(f"{beside.stem}-raw.onnx")
        try:
            beside.write_bytes(_convert(model, raw).SerializeToString(deterministic=True))
        finally:
            raw.unlink(missing_ok=True)
    return target


def _hash_nodes_by_name() -> None:
    """Make the hash of nodes deterministic.

    tf2onnx iterates over sets of nodes, too, which Python would order by memory address.
    """
    node = importlib.import_module("tf2onnx.graph").Node
    node.__hash__ = lambda self: hash(self.name)


def _reset_name_counter() -> None:
    """Restart tf2onnx's counter for names.

    It counts over the whole process, and some steps depend on names, so the graph of a network
    would depend on how many were exported before it.
    """
    utils: Any = importlib.import_module("tf2onnx.utils")
    utils.INTERNAL_NAME = 1


def _with_features(model: "keras.Model") -> "keras.Model":
    """Return the network with the outputs of a graph: prediction, then features."""
    import keras

    from scanvote.models.features import with_features

    both = with_features(model)
    return keras.Model(both.inputs, both.outputs[::-1], name=model.name)


def _fold_normalisation(model: "keras.Model") -> None:
    """Turn tensors of normalisation layers into constants.

    They are no weights, and tf2onnx would make them inputs.
    """
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)


def _convert(model: "keras.Model", raw: Path) -> "ModelProto":
    import onnx

    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # Keras and tf2onnx warn about each other
            model(np.zeros((1, *model.input_shape[1:]), np.float32))  # export needs a first call
            model.export(str(raw), format="onnx", verbose=False)
        converted = stable(onnx.load(raw))
        onnx.checker.check_model(converted)
        if len(converted.graph.input) > 1:
            raise ValueError("tf2onnx makes more inputs than the scan")
    except Exception as error:  # TensorFlow, Keras and tf2onnx raise many different types
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"package.onnx: the network {model.name} cannot be written: {reason}; set it to false"
        ) from None
    return converted


def stable(model: "ModelProto") -> "ModelProto":
    """Return an equal graph with deterministic names and order.

    They do not depend on earlier exports in the process. Nodes are in the order in which the
    outputs need them, and values are numbered in that order. Inputs that no node reads, which
    tf2onnx leaves from folded constants, are removed, and so are notes.
    """
    from onnx import ModelProto

    copy = ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    _order_outputs(graph)
    del graph.node[:]
    graph.node.extend(_needed_nodes(model.graph))
    read = {name for node in graph.node for name in node.input}
    for values in (graph.input, graph.initializer):
        for one in [one for one in values if one.name not in read]:
            values.remove(one)
    del graph.value_info[:]
    names = {"": "", graph.input[0].name: INPUT}
    names |= {output.name: name for output, name in zip(graph.output, OUTPUTS, strict=True)}
    for node in graph.node:
        for name in (*node.input, *node.output):
            names.setdefault(name, f"v{len(names)}")
    _rename(graph, names)
    for ends in (graph.input[0], *graph.output):
        ends.type.tensor_type.shape.dim[0].dim_param = BATCH
    graph.name, graph.doc_string, copy.doc_string = "network", "", ""
    return copy


def _order_outputs(graph: "GraphProto") -> None:
    """Let the first of two equal outputs be made, and the second be a copy of it.

    A network without a hidden layer has its prediction as features, and tf2onnx may do either.
    """
    copies = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    first, *rest = graph.output
    for other in rest:
        if copies.get(first.name) == other.name:
            first.name, other.name = other.name, first.name


def _needed_nodes(graph: "GraphProto") -> "list[NodeProto]":
    """Return the nodes that the outputs need, each after its inputs.

    Inputs are in the order in which a node reads them.
    """
    makers = {name: node for node in graph.node for name in node.output}
    ordered: dict[str, NodeProto] = {}
    waiting = [(makers[output.name], False) for output in reversed(graph.output)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            ordered.setdefault(node.output[0], node)
        elif node.output[0] not in ordered:
            waiting.append((node, True))
            waiting += [(makers[one], False) for one in reversed(node.input) if one in makers]
    return list(ordered.values())


def _rename(graph: "GraphProto", names: Mapping[str, str]) -> None:
    for number, node in enumerate(graph.node):
        node.name, node.doc_string = f"{node.op_type}{number}", ""
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for one in (*graph.input, *graph.output, *graph.initializer):
        one.name = names[one.name]
    weights = sorted(graph.initializer, key=lambda one: int(one.name[1:]))
    copies = [type(one).FromString(one.SerializeToString()) for one in weights]
    del graph.initializer[:]
    graph.initializer.extend(copies)
