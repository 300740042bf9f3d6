"""What the worker asks: the package, loaded and warm."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from scanvote.images.decode import Mask
from scanvote.inputs.scan import Limits, Scan
from scanvote.params.whole import Method
from scanvote.predict.schema import Finding
from scanvote.serving.engine.fair_lock import Turns, take_turns
from scanvote.serving.engine_api import Upload

if TYPE_CHECKING:
    from scanvote.pipeline.package import Package

WARM_SIDE = 64
"""Of the scans of noise that the package is asked about before anybody asks, pixels."""


class GivenUp(Exception):
    """Nobody waits for the explanation any longer."""


class Asked(Protocol):
    """Called by several threads: `read` by all, `examine` by one, `explain` by another."""

    def read(self, upload: Upload) -> list[Scan]: ...

    def examine(self, scans: Sequence[Scan]) -> list[tuple[Finding, Mask]]: ...

    def explain(
        self, scan: Scan, method: Method, given_up: Callable[[], bool]
    ) -> dict[str, NDArray[np.uint8]]:
        """Raises GivenUp soon after `given_up` is true."""
        ...


class Packaged:
    """A package whose networks are asked by predictions and explanations in turn."""

    def __init__(self, package: "Package", limits: Limits) -> None:
        self.package, self.limits = package, limits
        self._own = threading.local()
        gauges = [gauge.network for gauge in package.gauges]
        take_turns([*package.members, *package.unets, *gauges], Turns(), self._check)

    def read(self, upload: Upload) -> list[Scan]:
        from scanvote.inputs import read_content

        volumes = self.package.contents.volumes
        return read_content(upload.content, upload.name, self.limits, volumes)

    def examine(self, scans: Sequence[Scan]) -> list[tuple[Finding, Mask]]:
        from scanvote.predict.predictor import examined

        return examined(self.package, scans)

    def explain(
        self, scan: Scan, method: Method, given_up: Callable[[], bool]
    ) -> dict[str, NDArray[np.uint8]]:
        from scanvote.predict.predictor import explained

        self._own.given_up = given_up
        return explained(self.package, scan, method)

    def _check(self) -> None:
        given_up = getattr(self._own, "given_up", None)
        if given_up is not None and given_up():
            raise GivenUp


def load_packaged(folder: Path, limits: Limits, batch: int) -> Packaged:
    """Load a package, and ask it once, which is when TensorFlow traces and tunes.

    Raises:
        InputError: it is no package, or a file of it is missing or damaged.
    """
    import cv2

    from scanvote.core.backend import use_backend
    from scanvote.pipeline.package import load_package, read_contents

    cv2.setNumThreads(1)  # the networks have all processors
    use_backend(read_contents(folder).backend)
    packaged = Packaged(load_package(folder), limits)
    random = np.random.default_rng(0)
    for scans in (1, 2, batch):  # of a second size TensorFlow traces for all sizes
        images = random.integers(0, 256, (scans, WARM_SIDE, WARM_SIDE, 3), np.uint8)
        packaged.examine([Scan("", image) for image in images])
    return packaged
