"""A model that does what the file it is asked of says: for the engine's tests."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.inputs.scan import Limits, RejectedFile
from scanvote.predict.schema import MaskFinding, OodScore, ScanPrediction
from scanvote.serving.engine.messages import Answer, Explain, Task
from scanvote.serving.engine.model import LaneName, TooLargeFile
from scanvote.serving.engine_api import Examined, Explained

SIDE = 8
GZIP = b"\x1f\x8b"
"""In front of what is to count as a volume."""


class Toy:
    """Reads ``word argument``, such as ``until PATH``.

    - ``until PATH``: answered no sooner than there is a file at the path
    - ``deep``: too large for the lane of small files, as a worker sees
    - ``refuse``, ``bug``, ``die``, ``hang``
    - ``once PATH``: dies if there is no file at the path, and makes it before
    - ``check PATH``: calls `check` until it raises, and makes the file before

    A finding's notes are the lane, the worker's niceness, and `notes`.
    """

    def __init__(self, lane: LaneName, notes: tuple[str, ...] = ()) -> None:
        self.lane, self.notes = lane, notes

    def answer(self, task: Task, check: Callable[[], None]) -> Answer:
        text = task.upload.content.removeprefix(GZIP).decode()
        obey(text, self.lane, task.upload.name, check)
        if not isinstance(task, Explain):
            notes = [self.lane, str(os.nice(0)), *self.notes]
            return [Examined(finding(task.upload.name, notes), b"", b"")]
        if task.method == "gradcam":
            raise InputError("gradcam serves no member")
        return Explained(task.method, b"", {"vote": b""})


def obey(text: str, lane: LaneName, name: str, check: Callable[[], None]) -> None:
    word, _, argument = text.partition(" ")
    path = Path(argument)
    if word == "refuse":
        raise RejectedFile(f"{name} is no image", 415)
    if word == "deep" and lane == "small":
        raise TooLargeFile
    if word == "bug":
        raise ValueError("a bug")
    if word == "hang":
        time.sleep(1000)
    if word == "check":
        path.touch()
    while word == "check" or (word == "until" and not path.exists()):
        if word == "check":
            check()
        time.sleep(0.005)
    if word == "die" or (word == "once" and not path.exists()):
        if word == "once":
            path.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def finding(file: str, notes: list[str]) -> ScanPrediction:
    near = OodScore(distance=0, outside=False)
    return ScanPrediction(
        file=file,
        slice=None,
        width=SIDE,
        height=SIDE,
        notes=notes,
        vote="glioma",
        probabilities={"glioma": 1.0},
        agreement=1,
        members=[],
        familiarity=near,
        mask=MaskFinding(
            area_pixels=SIDE**2, area_mm2=None, share=1.0, too_large=False, familiarity=near
        ),
    )


def load_toy(lane: LaneName, threads: int) -> Toy:
    return Toy(lane)


def load_named(folder: Path, limits: Limits, runtime: object, lane: LaneName, threads: int) -> Toy:
    """In place of `load_packaged`: says in the notes which files it was loaded from."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return Toy(lane, tuple(path.read_text() for path in files))


def load_nothing(tries: Path, lane: LaneName, threads: int) -> Toy:
    """As a package that is damaged; a line in `tries` each time."""
    with tries.open("a") as file:
        file.write("tried\n")
    raise InputError("members/1.keras is damaged")


def load_and_die(tries: Path, lane: LaneName, threads: int) -> Toy:
    with tries.open("a") as file:
        file.write("tried\n")
    os._exit(3)
