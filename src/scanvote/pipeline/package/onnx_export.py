"""Networks as ONNX, for sites without Python: written by tf2onnx, stable to the byte, checked."""

import importlib
import io
import multiprocessing
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write
from scanvote.pipeline.package.networks import load_network

if TYPE_CHECKING:
    import keras
    from onnx import GraphProto, ModelProto, NodeProto

INPUT, OUTPUT, BATCH = "scan", "probabilities", "batch"
"""Names in the graph: of what goes in, what comes out, and the free axis of both."""
TOLERANCE = 1e-4
"""Between a probability of the network and of its ONNX graph."""
_AT_ONCE = 32


def export_networks(paths: Sequence[Path]) -> list[Path]:
    """Write each network beside its Keras archive: ``1.onnx`` beside ``1.keras``.

    A graph takes float32 (batch, H, W, C) of pixels 0…255 and gives what the network gives. tf2onnx
    reads networks on TensorFlow, whatever the pipeline's backend: a process of its own does it.

    Raises:
        InputError: TensorFlow is not installed, or an archive is no network that can be written.
    """
    context = multiprocessing.get_context("spawn")
    with _hashing_alike(), ProcessPoolExecutor(1, context, initializer=_begin) as pool:
        return list(pool.map(_export, paths))


def onnx_answer(path: Path, scans: np.ndarray) -> np.ndarray:
    """float32 (n, …) of uint8 scans (n, H, W, C), by onnxruntime on the processor."""
    import onnxruntime

    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, quiet, providers=["CPUExecutionProvider"])
    batches = np.split(scans, range(_AT_ONCE, len(scans), _AT_ONCE))
    said = [session.run(None, {INPUT: batch.astype(np.float32)})[0] for batch in batches]
    return np.concatenate(said)


@contextmanager
def _hashing_alike() -> Iterator[None]:
    """In what is started here sets of names have one order: tf2onnx works some off as they come."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        yield
    finally:
        os.environ.pop("PYTHONHASHSEED")
        if before is not None:
            os.environ["PYTHONHASHSEED"] = before


def _begin() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the parent may hold all of its memory


def _export(path: Path) -> Path:
    try:
        use_backend("tensorflow")
    except InputError:
        raise InputError(
            "package.onnx: TensorFlow writes the networks as ONNX and is not installed here;"
            " install it beside, or set it to false"
        ) from None
    _order_sets_of_nodes()
    _number_names_anew()
    model, target = load_network(path), path.with_suffix(".onnx")
    _hold_constants(model)
    with atomic_write(target) as beside:
        raw = beside.with_name(f"{beside.stem}-raw.onnx")
        try:
            beside.write_bytes(_convert(model, raw).SerializeToString(deterministic=True))
        finally:
            raw.unlink(missing_ok=True)
    return target


def _order_sets_of_nodes() -> None:
    """tf2onnx works off sets of nodes, too, which Python would order by their places in memory."""
    node = importlib.import_module("tf2onnx.graph").Node
    node.__hash__ = lambda self: hash(self.name)


def _number_names_anew() -> None:
    """tf2onnx numbers what it names over the whole process, and some of its steps go by names.

    The graph of a network would depend on how many were written before it.
    """
    utils: Any = importlib.import_module("tf2onnx.utils")
    utils.INTERNAL_NAME = 1


def _hold_constants(model: "keras.Model") -> None:
    """What normalises holds tensors that are no weights, of which tf2onnx makes inputs."""
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)


def _convert(model: "keras.Model", raw: Path) -> "ModelProto":
    import onnx

    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of Keras and of tf2onnx, about each other
            model(np.zeros((1, *model.input_shape[1:]), np.float32))  # else it was "never called"
            model.export(str(raw), format="onnx", verbose=False)
        converted = stable(onnx.load(raw))
        onnx.checker.check_model(converted)
        if len(converted.graph.input) > 1:
            raise ValueError("tf2onnx makes more inputs than the scan")
    except Exception as error:  # TensorFlow, Keras and tf2onnx raise nearly any of them
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"package.onnx: the network {model.name} cannot be written: {reason}; set it to false"
        ) from None
    return converted


def stable(model: "ModelProto") -> "ModelProto":
    """The same graph, whose names and order tell of nothing that ran before it in the process.

    Nodes are put in the order in which the output asks for them, and values numbered in that of
    the nodes. Inputs that no node reads, which tf2onnx leaves of constants that it folded, go,
    and so do notes.
    """
    from onnx import ModelProto

    found = ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    del graph.node[:]
    graph.node.extend(_asked(model.graph))
    read = {name for node in graph.node for name in node.input}
    for listed in (graph.input, graph.initializer):
        for one in [one for one in listed if one.name not in read]:
            listed.remove(one)
    del graph.value_info[:]
    names = {"": "", graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    for node in graph.node:
        for name in (*node.input, *node.output):
            names.setdefault(name, f"v{len(names)}")
    _rename(graph, names)
    for ends in (graph.input[0], graph.output[0]):
        ends.type.tensor_type.shape.dim[0].dim_param = BATCH
    graph.name, graph.doc_string, found.doc_string = "network", "", ""
    return found


def _asked(graph: "GraphProto") -> "list[NodeProto]":
    """What the output needs, each node behind those that it reads, in the order it reads them."""
    makers = {name: node for node in graph.node for name in node.output}
    found: dict[str, NodeProto] = {}
    waiting = [(makers[graph.output[0].name], False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            found.setdefault(node.output[0], node)
        elif node.output[0] not in found:
            waiting.append((node, True))
            waiting += [(makers[one], False) for one in reversed(node.input) if one in makers]
    return list(found.values())


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
