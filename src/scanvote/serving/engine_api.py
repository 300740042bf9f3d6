"""Interface between the web application and the engine that runs the model."""

from dataclasses import dataclass
from typing import Protocol

from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.schema import ScanPrediction


class EngineError(Exception):
    """A request that the engine did not serve.

    `status` is the HTTP status; the message is one line.
    """

    status = 503


class QueueFull(EngineError):
    """The queue is full."""

    status = 429


class RequestTimeout(EngineError):
    """No answer within the time limit."""

    status = 503


class WorkerDied(EngineError):
    """Two workers died on this file, one after the other."""

    status = 503


@dataclass(frozen=True)
class Upload:
    """An uploaded file; `name` is only displayed, never opened."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Examined:
    """Prediction for one scan, with pictures to display it.

    Attributes:
        finding: the prediction; its `mask.png` is None.
        scan: PNG of the decoded scan, grey or RGB; empty if no pictures were requested.
        mask: PNG (H, W), 255 inside the tumour; empty if no pictures were requested, or if the
            model marks nothing.
    """

    finding: ScanPrediction
    scan: bytes
    mask: bytes


@dataclass(frozen=True)
class Explained:
    """Attribution maps for the class that each model predicts.

    Attributes:
        method: the explanation method.
        scan: PNG of the scan, grey or RGB.
        maps: by model, ``vote`` first: PNG (H, W) as large as the scan; 255 is the strongest.
    """

    method: Method
    scan: bytes
    maps: dict[str, bytes]


class Engine(Protocol):
    """One model, loaded in processes of its own, which answer concurrent calls."""

    contents: ModelMetadata
    card: str
    """Model card of the package, Markdown."""
    samples: dict[str, bytes]
    """Sample scans to try, by file name."""
    runtime: str
    """What computes the networks, such as ``ONNX Runtime 1.31.1, CPU``."""
    methods: list[Method]
    """The package's explanation methods that can be computed here."""

    @property
    def ready(self) -> bool: ...

    @property
    def waiting(self) -> int:
        """Number of files that wait or are being processed."""
        ...

    def newer(self) -> str | None:
        """Return the model digest of another model that lies where this one was; None: none."""
        ...

    async def predict(self, upload: Upload, pictures: bool = True) -> list[Examined]:
        """Predict the scan of an image, or several slices of a volume.

        Args:
            upload: the file.
            pictures: also draw scan and mask; otherwise both are empty.

        Raises:
            RejectedFile: the file is not accepted (`scanvote.inputs`).
            EngineError: the engine could not serve the request.
        """
        ...

    async def explain(self, upload: Upload, method: Method, place: int = 0) -> Explained:
        """Explain the prediction for the scan at index `place` of the file.

        Raises:
            RejectedFile: the file is not accepted, has no such scan, or no member supports the
                method.
            EngineError: the engine could not serve the request.
        """
        ...
