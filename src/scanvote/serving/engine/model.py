"""What the worker asks: the package, loaded and warm."""

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
from scanvote.serving.engine.fair_lock import FairLock, serialise_calls
from scanvote.serving.engine_api import Upload

if TYPE_CHECKING:
    from scanvote.pipeline.package import Package

WARM_SIDE = 64
"""Of the scans of noise that the package is asked about before anybody asks, pixels."""


class Cancelled(Exception):
    """Nobody waits for the explanation any longer."""


class Model(Protocol):
    """Called by several threads: `read` by all, `examine` by one, `explain` by another."""

    def read(self, upload: Upload) -> list[InputScan]: ...

    def examine(self, scans: Sequence[InputScan]) -> list[tuple[ScanPrediction, Mask]]: ...

    def explain(
        self, scan: InputScan, method: Method, given_up: Callable[[], bool]
    ) -> dict[str, NDArray[np.uint8]]:
        """Raises GivenUp soon after `given_up` is true."""
        ...


class LoadedModel:
    """A package whose networks are asked by predictions and explanations in turn."""

    def __init__(self, package: "Package", limits: Limits) -> None:
        self.package, self.limits = package, limits
        self._own = threading.local()
        gauges = [gauge.network for gauge in package.gauges]
        serialise_calls([*package.members, *package.unets, *gauges], FairLock(), self._check)

    def read(self, upload: Upload) -> list[InputScan]:
        from scanvote.inputs import read_content

        volumes = self.package.contents.volumes
        return read_content(upload.content, upload.name, self.limits, volumes)

    def examine(self, scans: Sequence[InputScan]) -> list[tuple[ScanPrediction, Mask]]:
        from scanvote.predict.predictor import predict_with_masks

        return predict_with_masks(self.package, scans)

    def explain(
        self, scan: InputScan, method: Method, given_up: Callable[[], bool]
    ) -> dict[str, NDArray[np.uint8]]:
        from scanvote.predict.predictor import explain

        self._own.given_up = given_up
        return explain(self.package, scan, method)

    def _check(self) -> None:
        given_up = getattr(self._own, "given_up", None)
        if given_up is not None and given_up():
            raise Cancelled


def load_packaged(folder: Path, limits: Limits, batch: int) -> LoadedModel:
    """Load a package, and ask it once, which is when TensorFlow traces and tunes.

    Raises:
        InputError: it is no package, or a file of it is missing or damaged.
    """
    import cv2

    from scanvote.core.backend import use_backend
    from scanvote.pipeline.package import load_package, read_metadata

    cv2.setNumThreads(1)  # the networks have all processors
    use_backend(read_metadata(folder).backend)
    packaged = LoadedModel(load_package(folder), limits)
    random = np.random.default_rng(0)
    for scans in (1, 2, batch):  # of a second size TensorFlow traces for all sizes
        images = random.integers(0, 256, (scans, WARM_SIDE, WARM_SIDE, 3), np.uint8)
        packaged.examine([InputScan("", image) for image in images])
    return packaged
