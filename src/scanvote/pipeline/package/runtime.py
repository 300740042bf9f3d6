"""Runtimes that compute the networks of a package: ONNX Runtime, or Keras.

ONNX Runtime is the default: it starts in a tenth of a second, where TensorFlow takes seconds, needs
a sixth of the memory, and gives a scan the same bits in every batch and on every number of threads.
It computes the graphs that the stage `package` held against the Keras networks.
"""

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.core.processors import allowed_processors
from scanvote.core.runtimes import Runtime

if TYPE_CHECKING:
    import onnxruntime

    from scanvote.params.whole import Method
    from scanvote.pipeline.package.metadata import ModelMetadata, NetworkFiles
    from scanvote.pipeline.package.networks import KerasNetwork

INPUT, OUTPUTS, BATCH = "scan", ("probabilities", "features"), "batch"
"""Names in a graph: of the input, of the outputs in order, and of their free axis."""
_PROVIDERS: dict[Runtime, str] = {
    "onnx": "CPUExecutionProvider",
    "onnx-cuda": "CUDAExecutionProvider",
}
_AT_ONCE: dict[Runtime, int] = {"onnx": 4, "onnx-cuda": 32}
"""Scans in a call: on a processor more take as long each, and more memory, which is kept."""
_OPTIONS: dict[str, dict[str, str]] = {"CUDAExecutionProvider": {"use_tf32": "0"}}
"""Without TF32, whose ten bits of precision would change the digits that are shown."""
NO_KERAS = "Keras or its backend is not installed here, see `pip install scanvote[cpu]`"


class Network(Protocol):
    """A trained network, whichever runtime computes it.

    Attributes:
        feature_count: d, the number of features of a scan.
    """

    @property
    def feature_count(self) -> int: ...

    def predict(self, scans: np.ndarray) -> NDArray[np.float32]:
        """Return predictions (n, …) for uint8 scans (n, H, W, C)."""
        ...

    def predict_with_features(
        self, scans: np.ndarray
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return features (n, d), see `scanvote.models.features`, and predictions (n, …)."""
        ...


class OnnxNetwork:
    """A network as ONNX graph, computed by ONNX Runtime.

    Args:
        path: the graph, of `scanvote.pipeline.package.onnx_export`.
        runtime: ``onnx`` or ``onnx-cuda``.
        threads: calls at a time, on one thread each, which costs less than threads within a call;
            by default one for each processor that is allowed, and on a GPU one.

    Raises:
        InputError: this ONNX Runtime does not have the provider, or refuses the graph.
    """

    def __init__(self, path: Path, runtime: Runtime = "onnx", threads: int | None = None) -> None:
        self._session = _session(path, _PROVIDERS[runtime])
        self._threads = 1 if runtime == "onnx-cuda" else threads or allowed_processors()
        self._at_once = _AT_ONCE[runtime]
        self._shapes = [output.shape[1:] for output in self._session.get_outputs()]
        self.feature_count = int(self._shapes[1][0])

    def predict(self, scans: np.ndarray) -> NDArray[np.float32]:
        return self._run(scans, 1)[0]

    def predict_with_features(
        self, scans: np.ndarray
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        predictions, features = self._run(scans, 2)
        return features, predictions

    def _run(self, scans: np.ndarray, count: int) -> list[NDArray[np.float32]]:
        """Return the first `count` outputs."""
        outputs = [np.zeros((len(scans), *shape), np.float32) for shape in self._shapes[:count]]

        def run(first: int) -> None:
            part = scans[first : first + self._at_once].astype(np.float32)
            found = self._session.run(OUTPUTS[:count], {INPUT: part})
            for output, values in zip(outputs, found, strict=True):
                output[first : first + len(part)] = values

        starts = range(0, len(scans), self._at_once)
        if self._threads == 1 or len(starts) <= 1:
            for first in starts:
                run(first)
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(run, starts))
        return outputs


def choose_runtime(contents: "ModelMetadata", wanted: Runtime | None) -> Runtime:
    """Return the runtime for a package: as wanted, or ONNX Runtime if there are graphs.

    Raises:
        InputError: it cannot be used for this package, or here.
    """
    if wanted == "keras" or (wanted is None and not contents.has_graphs):
        if not _is_installed("keras", contents.backend):
            why = "--runtime keras:" if wanted else "this package has no ONNX graphs, and"
            raise InputError(f"{why} {NO_KERAS}")
        return "keras"
    runtime = wanted or "onnx"
    if not contents.has_graphs:
        raise InputError(
            f"--runtime {runtime}: this package has no ONNX graphs; package it with package.onnx:"
            " true in params.yaml, or use --runtime keras"
        )
    if runtime == "onnx-cuda":
        _check_provider(_PROVIDERS[runtime])
    return runtime


def network_loader(
    contents: "ModelMetadata", folder: Path, runtime: Runtime, threads: int | None
) -> "Callable[[NetworkFiles], Network]":
    """Return a function that loads the networks of the package in `folder`.

    `runtime` is of `choose_runtime`.
    """

    def load(files: "NetworkFiles") -> Network:
        if files.onnx is None or runtime == "keras":
            return load_keras(contents, folder / files.keras)
        return OnnxNetwork(folder / files.onnx, runtime, threads)

    return load


def load_keras(contents: "ModelMetadata", path: Path) -> "KerasNetwork":
    """Load a network with Keras, on the package's own backend unless one is in use.

    Raises:
        InputError: Keras or the backend is not installed, or the file is no network.
    """
    import sys

    from scanvote.core.backend import use_backend

    if not _is_installed("keras"):
        raise InputError(NO_KERAS)
    if "keras" not in sys.modules:  # Keras reads the choice of the backend at import
        use_backend(contents.backend)
    from scanvote.pipeline.package.networks import KerasNetwork, load_network

    return KerasNetwork(load_network(path))


def usable_methods(contents: "ModelMetadata") -> "list[Method]":
    """Return the explanation methods of a package that can be computed here.

    Grad-CAM needs Keras for the gradients.
    """
    methods = contents.classifiers.explain.methods if contents.classifiers else []
    has_keras = _is_installed("keras", contents.backend)
    return [method for method in methods if method != "gradcam" or has_keras]


def describe(runtime: Runtime) -> str:
    """Return the runtime in words, with its version: ``ONNX Runtime 1.31.1, CPU``.

    It is not imported, as a server's web process needs no more of it.
    """
    if runtime == "keras":
        return f"Keras {_version('keras')}"
    provider = runtime.partition("-")[2].upper() or "CPU"
    return f"ONNX Runtime {_version('onnxruntime', 'onnxruntime-gpu')}, {provider}"


def _version(*names: str) -> str:
    """Return the version of the first of these distributions that is installed."""
    from importlib.metadata import distributions

    return next(one.version for name in names for one in distributions(name=name))


def _check_provider(provider: str) -> None:
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise InputError(
            f"--runtime onnx-cuda: ONNX Runtime {onnxruntime.__version__} here has no {provider},"
            f" only {', '.join(available)}; install onnxruntime-gpu in its place"
        )


def _session(path: Path, provider: str) -> "onnxruntime.InferenceSession":
    import onnxruntime

    try:
        providers = [(provider, _OPTIONS.get(provider, {}))]
        session = onnxruntime.InferenceSession(path, _options(), providers=providers)
    except Exception as error:  # its exceptions share no class of their own
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} refuses it: {reason}; use --runtime"
            " keras"
        ) from None
    if provider not in session.get_providers():  # it falls back on the processor in silence
        raise InputError(f"--runtime onnx-cuda: {provider} cannot start; see `nvidia-smi`")
    return session


def _options() -> "onnxruntime.SessionOptions":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    # fixed, because the level alone changes the last bits
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return options


def _is_installed(*names: str) -> bool:
    return all(importlib.util.find_spec(name) for name in names)
