"""Networks as ONNX: what they say, and that their bytes tell of nothing else."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.models.saving import save_model
from scanvote.pipeline.package import onnx_export
from scanvote.pipeline.package.metadata import read_metadata
from scanvote.pipeline.package.networks import KerasNetwork, load_network
from scanvote.pipeline.package.onnx_export import export_networks, stable
from scanvote.pipeline.package.runtime import OnnxNetwork
from scanvote.pipeline.package.stage import build_package
from tests.packing import SIDE, changed, classifier, write_pipeline
from tests.searching import tree

use_backend("tensorflow")
SCANS = np.random.default_rng(1).integers(0, 256, (40, SIDE, SIDE, 1), np.uint8)


def graph(names: list[str], order: tuple[int, int, int], extra: bool = False) -> onnx.ModelProto:
    """x → relu and x → sigmoid, weighted and summed, with these names, nodes in this order.

    The outputs are the sum, and the sigmoid as a feature.
    """
    x, one, other, weighted, weight, out = names
    nodes = [
        helper.make_node("Relu", [x], [one], name=f"of {one}", doc_string="a note"),
        helper.make_node("Sigmoid", [x], [other]),
        helper.make_node("Mul", [other, weight], [weighted]),
    ]
    nodes = [nodes[at] for at in order] + [helper.make_node("Add", [one, weighted], [out])]

    def value(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [f"unk__{name}", 2])

    inputs = [value(x), *([value("left over")] if extra else [])]
    tensors = [numpy_helper.from_array(np.float32([2, 3]), weight)]
    if extra:
        tensors.insert(0, numpy_helper.from_array(np.float32([5]), "unread"))
    made = helper.make_graph(nodes, f"graph of {x}", inputs, [value(out), value(other)], tensors)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def said(model: onnx.ModelProto, path: Path) -> np.ndarray:
    onnx.save(model, path)
    return OnnxNetwork(path).predict(np.array([[1, 200], [0, 3]], np.uint8))


def test_names_and_order_leave_no_trace(tmp_path: Path):
    one = stable(graph(["x", "a", "b", "c", "w", "y"], (0, 1, 2)))
    other = stable(graph(["p", "q", "r", "s", "t", "u"], (1, 2, 0), extra=True))
    assert one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)
    onnx.checker.check_model(one)
    scans = np.array([[1, 200], [0, 3]], float)
    wanted = np.maximum(scans, 0) + [2, 3] / (1 + np.exp(-scans))
    assert said(one, tmp_path / "one.onnx") == pytest.approx(wanted, rel=1e-6)


def test_another_weight_is_another_graph():
    one, other = (graph(["x", "a", "b", "c", "w", "y"], (0, 1, 2)) for _ in range(2))
    other.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.float32([2, 4]), "w"))
    assert stable(one) != stable(other)


def normalising() -> Any:
    """A network that is told the mean and the variance of the pixels."""
    import keras

    inputs = keras.Input(SCANS.shape[1:], name="scan")
    normal = keras.layers.Normalization(mean=[90.0], variance=[49.0])(inputs)
    flat = keras.layers.Flatten()(normal)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(flat))


@pytest.mark.slow
def test_a_network_says_the_same_as_onnx_and_its_bytes_do_not_know_what_was_written_before(
    tmp_path: Path,
):
    models = [classifier(number, outputs=3 - 2 * number, name="small") for number in range(2)]
    paths = [tmp_path / "one" / f"{number}.keras" for number in range(3)]
    for model, path in zip([*models, normalising()], paths, strict=True):
        save_model(model, path)
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    written = export_networks(paths)
    assert written == [path.with_suffix(".onnx") for path in paths]
    export_networks([tmp_path / "other" / path.name for path in reversed(paths)])
    assert tree(tmp_path / "one") == tree(tmp_path / "other")
    for path in paths:
        network, graph = KerasNetwork(load_network(path)), OnnxNetwork(path.with_suffix(".onnx"))
        assert graph.feature_count == network.feature_count
        outputs = graph.predict_with_features(SCANS), network.predict_with_features(SCANS)
        assert all(
            one == pytest.approx(other, abs=1e-5) for one, other in zip(*outputs, strict=True)
        )
        assert np.array_equal(graph.predict(SCANS), graph.predict_with_features(SCANS)[1])


def test_sets_of_nodes_do_not_know_where_in_memory_they_are(monkeypatch):
    """Left alone, tf2onnx makes another graph of some networks nearly every time."""
    from tf2onnx.graph import Node

    monkeypatch.setattr(Node, "__hash__", object.__hash__)
    nodes = []
    for _ in range(2):
        nodes.append(Node.__new__(Node))
        nodes[-1]._op = helper.make_node("Relu", ["x"], ["y"], name="a node")
    assert hash(nodes[0]) != hash(nodes[1])
    onnx_export._hash_nodes_by_name()
    assert hash(nodes[0]) == hash(nodes[1])
    assert len(set(nodes)) == 2


def test_names_do_not_know_how_many_were_given_before():
    """Some networks would be another graph behind one more: 1 in 40 of those that are mirrored."""
    from tf2onnx.utils import make_name

    given = []
    for before in (0, 3):
        for _ in range(before):
            make_name("of another network")
        onnx_export._reset_name_counter()
        given.append(make_name("a name"))
    assert given[0] == given[1]


@pytest.mark.slow
def test_a_package_holds_a_checked_graph_of_each_network(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    made = changed(write_pipeline(tmp_path / "made"), package={"onnx": True})
    metrics = build_package(*made, tmp_path / "package")
    graphs = {name for name in tree(tmp_path / "package") if name.endswith(".onnx")}
    assert graphs == {"members/1.onnx", "members/2.onnx", "unet/1.onnx"}
    assert read_metadata(tmp_path / "package").has_graphs
    assert metrics["differing_scans"] == 0
    assert 0 < metrics["onnx_difference_max"] < 1e-5
    assert 0 <= metrics["unet_onnx_difference_max"] < 1e-5
    assert metrics["onnx_bytes"] == sum(
        (tmp_path / "package" / name).stat().st_size for name in graphs
    )


def test_a_graph_that_says_something_else_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))

    class Flat(KerasNetwork):
        """Answers 0.1 more than the network."""

        def __init__(self, path: Path, *_: object) -> None:
            super().__init__(load_network(path.with_suffix(".keras")))

        def predict(self, scans: np.ndarray) -> np.ndarray:
            return super().predict(scans) + np.float32(0.1)

    def write(paths: list[Path]) -> None:
        for path in paths:
            path.with_suffix(".onnx").write_bytes(b"")

    monkeypatch.setattr("scanvote.pipeline.package.stage.export_networks", write)
    monkeypatch.setattr("scanvote.pipeline.package.runtime.OnnxNetwork", Flat)
    made = changed(write_pipeline(tmp_path / "made"), package={"onnx": True})
    with pytest.raises(InputError, match=r"package\.onnx: a graph is up to 0\.1 from its network"):
        build_package(*made, tmp_path / "package")


def test_without_tensorflow_it_says_what_to_do(tmp_path: Path, monkeypatch):
    def missing(name: str) -> None:
        raise InputError(f"backend: {name} is not installed here")

    monkeypatch.setattr(onnx_export, "use_backend", missing)
    with pytest.raises(InputError, match=r"package\.onnx: .* not installed .* set it to false"):
        onnx_export._export(tmp_path / "1.keras")


def test_a_network_that_tf2onnx_refuses_is_one_line(tmp_path: Path, monkeypatch):
    model = classifier(0, 3, "odd")
    save_model(model, tmp_path / "1.keras")

    def refuse(*args: object, **kwargs: object) -> None:
        raise NotImplementedError("no such\noperation")

    monkeypatch.setattr("keras.Model.export", refuse)
    with pytest.raises(InputError, match=r"package\.onnx: the network odd .*no such operation"):
        onnx_export._export(tmp_path / "1.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["1.keras"]
