"""A package whose networks are ONNX graphs made by hand: whoever loads it needs no TensorFlow."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from scanvote.pipeline.package.metadata import write_metadata
from scanvote.pipeline.package.ood_features import intensity_statistics
from scanvote.pipeline.package.ood_reference import reference_of
from scanvote.pipeline.package.runtime import BATCH, INPUT, OUTPUTS, OnnxNetwork
from tests.asking import write_package
from tests.serving import LABELS, contents

FEATURES = 4


def write_graph_package(folder: Path) -> Path:
    """Three members and a U-Net, not trained; their Keras archives are none."""
    whole = contents()
    members = [
        one.model_copy(update={"onnx": f"members/{place}.onnx"})
        for place, one in enumerate(whole.classifiers.members)
    ]
    unets = [one.model_copy(update={"onnx": "unet/1.onnx"}) for one in whole.segmenters.networks]
    seen = {
        name: part.seen.model_copy(update={"arrays": f"{name}.npz"})
        for name, part in (("members", whole.classifiers), ("unet", whole.segmenters))
    }
    classifiers = {"members": members, "seen": seen["members"]}
    segmenters = {"networks": unets, "seen": seen["unet"]}
    whole = whole.model_copy(
        update={
            "classifiers": whole.classifiers.model_copy(update=classifiers),
            "segmenters": whole.segmenters.model_copy(update=segmenters),
        }
    )
    write_package(folder, whole)
    for place, member in enumerate(members):
        side = whole.classifiers.prepare.image_size
        _write_graph(folder / member.onnx, side, _classes(place), [len(LABELS)])
    side = whole.segmenters.prepare.image_size
    _write_graph(folder / unets[0].onnx, side, _mask(), [side, side, 1])
    for name, graph in (("members", members[0].onnx), ("unet", unets[0].onnx)):
        _write_seen(folder / graph, folder / f"{name}.npz")
    write_metadata(whole, folder)
    return folder


def _classes(seed: int) -> list[onnx.NodeProto | onnx.TensorProto]:
    """From the features to probabilities of the classes."""
    weights = np.random.default_rng(seed).normal(size=(FEATURES, len(LABELS)))
    return [
        numpy_helper.from_array(weights.astype(np.float32) / 64, "weights"),
        helper.make_node("MatMul", ["features", "weights"], ["sums"]),
        helper.make_node("Softmax", ["sums"], ["probabilities"]),
    ]


def _mask() -> list[onnx.NodeProto | onnx.TensorProto]:
    """From the scan to a mask of what is bright."""
    return [
        numpy_helper.from_array(np.float32(128), "middle"),
        helper.make_node("Sub", [INPUT, "middle"], ["above"]),
        helper.make_node("Sigmoid", ["above"], ["probabilities"]),
    ]


def _write_graph(
    path: Path, side: int, parts: list[onnx.NodeProto | onnx.TensorProto], shape: Sequence[int]
) -> None:
    kernel = np.random.default_rng(7).normal(size=(FEATURES, 1, 5, 5)).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", [INPUT], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "kernel"], ["map"], strides=[4, 4]),
        helper.make_node("Relu", ["map"], ["positive"]),
        helper.make_node("ReduceMean", ["positive"], ["features"], axes=[2, 3], keepdims=0),
        *(part for part in parts if isinstance(part, onnx.NodeProto)),
    ]
    tensors = [part for part in parts if isinstance(part, onnx.TensorProto)]
    tensors.append(numpy_helper.from_array(kernel, "kernel"))
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *one]) for name, one in of]
        for of in (
            [(INPUT, [side, side, 1])],
            list(zip(OUTPUTS, [shape, [FEATURES]], strict=True)),
        )
    )
    graph = helper.make_graph(nodes, "network", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def _write_seen(graph: Path, path: Path) -> None:
    """Descriptors of scans of noise, in place of the training scans."""
    side = onnx.load(graph).graph.input[0].type.tensor_type.shape.dim[1].dim_value
    scans = np.random.default_rng(3).integers(0, 256, (20, side, side, 1), np.uint8)
    features = OnnxNetwork(graph).predict_with_features(scans)[0]
    reference_of(features, intensity_statistics(scans)).write(path)
