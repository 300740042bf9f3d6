"""What the web process and its worker tell each other, pickled, through a pipe."""

from dataclasses import dataclass
from typing import NamedTuple

from scanvote.inputs.scan import Status
from scanvote.params.whole import Method
from scanvote.serving.engine_api import Examined, Explained, Upload


@dataclass(frozen=True)
class Predict:
    """Examine every scan of a file; `pictures`: with PNGs of scan and mask."""

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
    number: int
    task: Task


class Cancel(NamedTuple):
    """Nobody waits for this one any longer."""

    number: int


class Ready(NamedTuple):
    """The package is loaded, and was asked once."""


class LoadFailed(NamedTuple):
    """The package cannot be loaded; the worker ends."""

    reason: str


class Batch(NamedTuple):
    """The networks have looked at so many scans at once."""

    scans: int


class Answered(NamedTuple):
    number: int
    answer: list[Examined] | Explained


class Rejected(NamedTuple):
    """The file is not taken in."""

    number: int
    reason: str
    status: Status


class Failed(NamedTuple):
    """A bug of ours, with its traceback."""

    number: int
    trace: str


class Dropped(NamedTuple):
    """It was not looked at, as nobody waited."""

    number: int


Reply = Answered | Rejected | Failed | Dropped
Event = Ready | LoadFailed | Batch | Reply
