"""The loaded package, as a worker uses it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from scanvote.core.runtimes import Runtime
from scanvote.images.decode import Mask
from scanvote.inputs.scan import InputScan, Limits, RejectedFile
from scanvote.predict.schema import ScanPrediction
from scanvote.serving.engine.messages import Answer, Explain, Predict, Task
from scanvote.serving.engine.pictures import map_png, mask_png, scan_png
from scanvote.serving.engine_api import Examined, Explained, Upload

if TYPE_CHECKING:
    from scanvote.pipeline.package import Package

LaneName = Literal["small", "large", "explain"]

SMALL_PIXELS = 4_000_000
"""Pixels of an image up to which it is small; decoding so many takes about 50 ms."""
WARM_SIDE = 64
"""Side in pixels of the noise scan that warms up the package."""


class CancelledTask(Exception):
    """Nobody waits for the answer any longer."""


class TooLargeFile(Exception):
    """The file is too large for the lane of small files."""


class Model(Protocol):
    """Answers one task at a time."""

    def answer(self, task: Task, check: Callable[[], None]) -> Answer:
        """Answer a task.

        Args:
            task: what to do with which file.
            check: raises `CancelledTask` if nobody waits; called now and then.

        Raises:
            RejectedFile, InputError: the file is not accepted, or cannot be explained.
            TooLargeFile: the lane is for small files, and the file is not.
        """
        ...


class PackagedModel:
    """Model of a package.

    Args:
        package: the loaded package.
        limits: limits of a file.
        lane: the lane of the worker.
    """

    def __init__(self, package: "Package", limits: Limits, lane: LaneName) -> None:
        self.package, self.small = package, lane == "small"
        most = min(limits.pixels, SMALL_PIXELS)
        self.limits = replace(limits, pixels=most) if self.small else limits

    def answer(self, task: Task, check: Callable[[], None]) -> Answer:
        scans = self._read(task.upload)
        if isinstance(task, Explain):
            return self._explain(task, scans, check)
        return self._predict(task, scans)

    def _read(self, upload: Upload) -> list[InputScan]:
        from scanvote.inputs import read_content

        volumes = self.package.contents.volumes
        try:
            scans = read_content(upload.content, upload.name, self.limits, volumes)
        except RejectedFile as error:
            if self.small and error.status == 413:
                raise TooLargeFile from None
            raise
        if self.small and len(scans) > 1:
            raise TooLargeFile
        return scans

    def _predict(self, task: Predict, scans: Sequence[InputScan]) -> list[Examined]:
        from scanvote.predict.predictor import predict_with_masks

        predicted = predict_with_masks(self.package, scans)
        pairs = zip(scans, predicted, strict=True)
        return [_examined(scan, *one, task.pictures) for scan, one in pairs]

    def _explain(
        self, task: Explain, scans: Sequence[InputScan], check: Callable[[], None]
    ) -> Explained:
        from scanvote.predict.predictor import explain

        if not 0 <= task.place < len(scans):
            name, count = task.upload.name, len(scans)
            raise RejectedFile(
                f"{name} has {count} findings, counted from 0, and none at {task.place}", 422
            )
        scan = scans[task.place]
        maps = explain(self.package, scan, task.method, check)
        pictures = {name: map_png(heat) for name, heat in maps.items()}
        return Explained(task.method, scan_png(scan.image), pictures)


def load_packaged(
    folder: Path, limits: Limits, runtime: Runtime, lane: LaneName, threads: int
) -> PackagedModel:
    """Load a package for a lane, and warm it up with a noise scan.

    Raises:
        InputError: `folder` is no package, one of its files is missing or damaged, or the runtime
            cannot be used.
    """
    import cv2

    from scanvote.pipeline.package import load_package
    from scanvote.predict.predictor import predict_one

    cv2.setNumThreads(1)
    package = load_package(folder, runtime, threads)
    noise = np.random.default_rng(0).integers(0, 256, (WARM_SIDE, WARM_SIDE, 3), np.uint8)
    predict_one(package, [InputScan("", noise)])
    return PackagedModel(package, limits, lane)


def _examined(
    scan: InputScan, finding: ScanPrediction, mask: Mask | None, pictures: bool
) -> Examined:
    if not pictures:
        return Examined(finding, b"", b"")
    return Examined(finding, scan_png(scan.image), b"" if mask is None else mask_png(mask))
