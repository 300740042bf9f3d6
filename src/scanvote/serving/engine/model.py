"""The loaded package, as the worker uses it."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Mask
from scanvote.inputs.scan import InputScan, Limits
from scanvote.params.whole import Method
from scanvote.predict.schema import ScanPrediction
from scanvote.serving.engine_api import Upload

if TYPE_CHECKING:
    from scanvote.pipeline.package import Package

WARM_SIDE = 64
"""Side in pixels of the noise scans that warm up the package."""


class Cancelled(Exception):
    """Nobody waits for the explanation any longer."""


class Model(Protocol):
    """Model of a worker, shared by threads.

    All threads call `read`, one calls `examine`, and another one `explain`.
    """

    def read(self, upload: Upload) -> list[InputScan]: ...

    def examine(self, scans: Sequence[InputScan]) -> list[tuple[ScanPrediction, Mask | None]]: ...

    def explain(
        self, scan: InputScan, method: Method, given_up: Callable[[], bool]
    ) -> dict[str, NDArray[np.uint8]]:
        """Explain the prediction for a scan.

        Raises:
            Cancelled: soon after `given_up` returns True.
        """
        ...


class LoadedModel:
    """Package whose networks serve predictions and explanations in turn."""

    def __init__(self, package: "Package", limits: Limits) -> None:
        self.package, self.limits = package, limits
        self._per_thread = threading.local()

    def read(self, upload: Upload) -> list[InputScan]:
        from scanvote.inputs import read_content

        volumes = self.package.contents.volumes
        return read_content(upload.content, upload.name, self.limits, volumes)

    def examine(self, scans: Sequence[InputScan]) -> list[tuple[ScanPrediction, Mask | None]]:
        from scanvote.predict.predictor import predict_with_masks

        return predict_with_masks(self.package, scans)

    def explain(
        self, scan: InputScan, method: Method, given_up: Callable[[], bool]
    ) -> dict[str, NDArray[np.uint8]]:
        from scanvote.predict.predictor import explain

        self._per_thread.given_up = given_up
        return explain(self.package, scan, method, self._check)

    def _check(self) -> None:
        given_up = getattr(self._per_thread, "given_up", None)
        if given_up is not None and given_up():
            raise Cancelled


def load_packaged(folder: Path, limits: Limits, batch: int) -> LoadedModel:
    """Load a package, and warm it up with noise scans.

    TensorFlow traces and tunes the networks at their first calls.

    Raises:
        InputError: `folder` is no package, or one of its files is missing or damaged.
    """
    import cv2

    from scanvote.core.backend import use_backend
    from scanvote.pipeline.package import load_package, read_metadata

    cv2.setNumThreads(1)  # leave all processors to the networks
    use_backend(read_metadata(folder).backend)
    model = LoadedModel(load_package(folder), limits)
    random = np.random.default_rng(0)
    for scans in (1, 2, batch):  # the second size makes TensorFlow trace for all sizes
        images = random.integers(0, 256, (scans, WARM_SIDE, WARM_SIDE, 3), np.uint8)
        model.examine([InputScan("", image) for image in images])
    return model
