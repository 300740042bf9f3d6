"""Networks of a package in ONNX Runtime, and the choice of the runtime."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.pipeline.package import load_package, runtime
from scanvote.pipeline.package.runtime import OnnxNetwork, choose_runtime, describe, usable_methods
from scanvote.predict.predictor import check_method
from tests.graphs import FEATURES, write_graph_package
from tests.serving import LABELS, contents

SIDE = contents().classifiers.prepare.image_size
SCANS = np.random.default_rng(1).integers(0, 256, (70, SIDE, SIDE, 1), np.uint8)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graph_package(tmp_path_factory.mktemp("graphs") / "package") / "members/0.onnx"


def test_a_scan_has_the_same_bits_in_every_batch_and_on_every_number_of_threads(path: Path):
    features, predictions = OnnxNetwork(path).predict_with_features(SCANS)
    assert predictions.std() > 0.01
    for threads in (1, 2):
        network = OnnxNetwork(path, threads=threads)
        alone = [network.predict_with_features(SCANS[at : at + 1]) for at in range(len(SCANS))]
        assert np.array_equal(np.concatenate([one for one, _ in alone]), features)
        assert np.array_equal(np.concatenate([one for _, one in alone]), predictions)
        assert np.array_equal(network.predict(SCANS), predictions)


def test_shapes_are_those_of_the_graph_also_of_no_scan(path: Path):
    network = OnnxNetwork(path)
    assert network.feature_count == FEATURES
    features, predictions = network.predict_with_features(SCANS[:0])
    assert (features.shape, predictions.shape) == ((0, FEATURES), (0, len(LABELS)))


def package_of(graphs: bool) -> Any:
    return SimpleNamespace(has_graphs=graphs, backend="tensorflow")


def without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_is_installed", lambda *names: False)


def test_onnx_runtime_is_the_default_where_there_are_graphs_and_else_keras(monkeypatch):
    assert choose_runtime(package_of(True), None) == "onnx"
    assert choose_runtime(package_of(False), None) == "keras"
    assert choose_runtime(package_of(True), "keras") == "keras"
    without_keras(monkeypatch)
    assert choose_runtime(package_of(True), None) == "onnx"


@pytest.mark.parametrize(
    ("graphs", "wanted", "reason"),
    [
        (False, None, "this package has no ONNX graphs, and Keras or its backend is not installed"),
        (True, "keras", "--runtime keras: Keras or its backend is not installed"),
        (False, "onnx", r"--runtime onnx: this package has no ONNX graphs; .* package\.onnx: true"),
    ],
)
def test_a_runtime_that_cannot_be_used_is_one_line(monkeypatch, graphs: bool, wanted, reason: str):
    without_keras(monkeypatch)
    with pytest.raises(InputError, match=reason) as caught:
        choose_runtime(package_of(graphs), wanted)
    assert "\n" not in str(caught.value)


def test_a_provider_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(InputError, match="has no CUDAExecutionProvider, only CPU"):
        choose_runtime(package_of(True), "onnx-cuda")


def test_a_provider_that_does_not_start_is_one_line(path: Path, monkeypatch):
    """ONNX Runtime would compute on the processor instead, and only log it."""
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: providers)
    silent = SimpleNamespace(get_providers=lambda: providers[1:])
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *args, **kwargs: silent)
    with pytest.raises(InputError, match="CUDAExecutionProvider cannot start; see `nvidia-smi`"):
        OnnxNetwork(path, "onnx-cuda")


def test_a_graph_that_is_refused_is_one_line(tmp_path: Path):
    (tmp_path / "1.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"1\.onnx: ONNX Runtime .* refuses it") as caught:
        OnnxNetwork(tmp_path / "1.onnx")
    assert "\n" not in str(caught.value)


def test_grad_cam_is_usable_where_keras_and_the_backend_are_installed(monkeypatch):
    explain = SimpleNamespace(methods=["gradcam", "lime"])
    package = SimpleNamespace(backend="tensorflow", classifiers=SimpleNamespace(explain=explain))
    for has_keras, usable in ((True, ["gradcam", "lime"]), (False, ["lime"])):
        monkeypatch.setattr(runtime, "_is_installed", lambda *_, found=has_keras: found)
        assert usable_methods(package) == usable
    assert usable_methods(SimpleNamespace(backend="jax", classifiers=None)) == []


def test_a_runtime_is_told_with_its_version():
    import onnxruntime

    assert describe("onnx") == f"ONNX Runtime {onnxruntime.__version__}, CPU"
    assert describe("onnx-cuda").endswith(", CUDA")
    assert describe("keras").startswith("Keras 3.")


def test_without_keras_grad_cam_is_one_line_and_says_what_to_choose(tmp_path: Path, monkeypatch):
    package = load_package(write_graph_package(tmp_path / "package"))
    without_keras(monkeypatch)
    with pytest.raises(InputError, match=r"gradcam: Keras .* or choose occlusion or lime"):
        check_method(package.classifiers, "gradcam")
    check_method(package.classifiers, "lime")
