"""Messages between the web process and its worker, pickled through a pipe."""

from dataclasses import dataclass
from typing import NamedTuple

from scanvote.inputs.scan import Status
from scanvote.params.whole import Method
from scanvote.serving.engine_api import Examined, Explained, Upload


@dataclass(frozen=True)
class Predict:
    """Predict every scan of a file.

    Attributes:
        upload: the file.
        pictures: also draw PNGs of scan and mask.
    """

    upload: Upload
    pictures: bool


@dataclass(frozen=True)
class Explain:
    """Explain the scan at `place` of a file."""

    upload: Upload
    method: Method
    place: int


Task = Predict | Explain


class Submit(NamedTuple):
    """Give a task to the worker."""

    number: int
    task: Task


class Cancel(NamedTuple):
    """Cancel a task that nobody waits for any longer."""

    number: int


class Ready(NamedTuple):
    """The package is loaded and warmed up."""


class LoadFailed(NamedTuple):
    """The package cannot be loaded; the worker ends."""

    reason: str


class Batch(NamedTuple):
    """The networks have predicted a batch of `scans` scans."""

    scans: int


class Answered(NamedTuple):
    """The result of a task."""

    number: int
    answer: list[Examined] | Explained


class Rejected(NamedTuple):
    """The file is not accepted."""

    number: int
    reason: str
    status: Status


class Failed(NamedTuple):
    """A bug in the worker, with its traceback."""

    number: int
    trace: str


class Dropped(NamedTuple):
    """The task was skipped, because nobody waited for it."""

    number: int


Reply = Answered | Rejected | Failed | Dropped
Event = Ready | LoadFailed | Batch | Reply
