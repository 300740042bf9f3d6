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


class Loaded(NamedTuple):
    """The model is loaded, or cannot be, for the reason `error`; then the worker ends."""

    error: str = ""


class Reply(NamedTuple):
    """What became of a task; without any value it was given up.

    Attributes:
        answer: the result.
        refusal: reason why the file is not accepted, and HTTP status.
        trace: traceback of a bug.
        too_large: whether the file is too large for the lane of small files.
    """

    answer: Answer | None = None
    refusal: tuple[str, Status] | None = None
    trace: str = ""
    too_large: bool = False


def packed(message: object) -> bytes:
    """Pickle a message, with its length in front."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(content).to_bytes(LENGTH, "big") + content
