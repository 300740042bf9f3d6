"""What the server asks of its worker, and what may come back."""

from dataclasses import dataclass
from typing import Protocol

from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.schema import ScanPrediction


class EngineError(Exception):
    """Why a request was not served: `status` is the HTTP status, the message one line."""

    status = 503


class QueueFull(EngineError):
    """The queue is full."""

    status = 429


class RequestTimeout(EngineError):
    """No answer within the time that is allowed."""

    status = 503


class WorkerDied(EngineError):
    """The worker died of it, also when it was asked again by itself."""

    status = 503


@dataclass(frozen=True)
class Upload:
    """A file as it came; `name` is shown, never opened."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Examined:
    """What is said of one scan, with the pictures to show it.

    Attributes:
        finding: with `mask.png` None.
        scan: PNG of the scan as it was decoded, grey or RGB; empty where no pictures are wanted.
        mask: PNG (H, W), 255 where the tumour is marked; likewise.
    """

    finding: ScanPrediction
    scan: bytes
    mask: bytes


@dataclass(frozen=True)
class Explained:
    """What speaks for the class that each model predicts.

    Attributes:
        method: that found it.
        scan: PNG of the scan, grey or RGB.
        maps: by model, ``vote`` first: PNG (H, W) as large as the scan, 255 the most.
    """

    method: Method
    scan: bytes
    maps: dict[str, bytes]


class Engine(Protocol):
    """One model, loaded once, in a process of its own; calls of many tasks are batched."""

    contents: ModelMetadata
    card: str
    """Markdown of the package."""
    samples: dict[str, bytes]
    """Files to try, by name."""

    @property
    def ready(self) -> bool: ...

    @property
    def waiting(self) -> int:
        """Files that wait or are being examined."""
        ...

    async def predict(self, upload: Upload, pictures: bool = True) -> list[Examined]:
        """One of an image, several of a volume.

        Args:
            upload: the file.
            pictures: draw scan and mask; without, both are empty.

        Raises:
            Refused: the file is not taken in (`scanvote.inputs`).
            Unserved: the server could not do it.
        """
        ...

    async def explain(self, upload: Upload, method: Method, place: int = 0) -> Explained:
        """Of the scan at `place` of the file.

        Raises:
            Refused: the file is not taken in, has no such finding, or the method serves no member.
            Unserved: the server could not do it.
        """
        ...
