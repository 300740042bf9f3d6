"""Messages between the web process and a worker, pickled through a socket."""

import pickle
from dataclasses import dataclass
from typing import NamedTuple

from scanvote.inputs.scan import Status
from scanvote.params.whole import Method
from scanvote.serving.engine_api import Examined, Explained, Upload

LENGTH = 8
"""Bytes in front of each message that tell its length."""


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
Answer = list[Examined] | Explained


class Cancel(NamedTuple):
    """Nobody waits for the task any longer; the worker replies nevertheless."""


class Ready(NamedTuple):
    """The model is loaded and warmed up."""


class LoadFailed(NamedTuple):
    """The model cannot be loaded; the worker ends."""

    reason: str


class Answered(NamedTuple):
    """The result of a task."""

    answer: Answer


class Rejected(NamedTuple):
    """The file is not accepted."""

    reason: str
    status: Status


class Failed(NamedTuple):
    """A bug in the worker, with its traceback."""

    trace: str


class TooLarge(NamedTuple):
    """The file is too large for the lane of small files."""


class Cancelled(NamedTuple):
    """The task was given up, because nobody waited for it."""


Reply = Answered | Rejected | Failed | TooLarge | Cancelled


def packed(message: object) -> bytes:
    """Pickle a message, with its length in front."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(content).to_bytes(LENGTH, "big") + content
