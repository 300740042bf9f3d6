"""A worker without a model that does what the file it is asked of says: for the engine's tests."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.images.decode import Mask
from scanvote.inputs.scan import InputScan, Limits, RejectedFile
from scanvote.params.whole import Method
from scanvote.predict.schema import MaskFinding, OodScore, ScanPrediction
from scanvote.serving.engine.model import Cancelled
from scanvote.serving.engine_api import Upload

SIDE = 8
GZIP = b"\x1f\x8b"
"""In front of what is to count as a volume."""


class Toy:
    """Reads ``word argument``, such as ``slices 3``.

    - ``slices N``: a volume, a slice of which takes 10 ms; every other file is of one scan
    - ``until PATH``: examined no sooner than there is a file at the path
    - ``refuse``, ``bug``, ``die``, ``hang``, each when it is examined, but for refuse
    - ``once PATH``: dies if there is no file at the path, and makes it before

    A finding's only note is the number of scans that were examined with it.
    """

    def read(self, upload: Upload) -> list[InputScan]:
        text = upload.content.removeprefix(GZIP).decode()
        if text == "refuse":
            raise RejectedFile(f"{upload.name} is no image", 415)
        count = int(text.split()[1]) if text.startswith("slices") else 1
        image = np.zeros((SIDE, SIDE, 3), np.uint8)
        return [InputScan(upload.name, image, slice=place, notes=(text,)) for place in range(count)]

    def examine(self, scans: Sequence[InputScan]) -> list[tuple[ScanPrediction, Mask]]:
        for scan in scans:
            obey(scan.notes[0])
        mask = np.ones((SIDE, SIDE), bool)
        return [(finding(scan, len(scans)), mask) for scan in scans]

    def explain(
        self, scan: InputScan, method: Method, given_up: Callable[[], bool]
    ) -> dict[str, NDArray[np.uint8]]:
        while scan.notes[0] == "hang":
            if given_up():
                raise Cancelled
            time.sleep(0.01)
        obey(scan.notes[0])
        if method == "gradcam":
            raise InputError("gradcam serves no member")
        return {"vote": np.full((SIDE, SIDE), 255, np.uint8)}


def obey(text: str) -> None:
    word, _, argument = text.partition(" ")
    path = Path(argument)
    if word == "bug":
        raise ValueError("a bug")
    if word == "hang":
        time.sleep(1000)
    if word == "slices":
        time.sleep(0.01)
    while word == "until" and not path.exists():
        time.sleep(0.005)
    if word == "die" or (word == "once" and not path.exists()):
        if word == "once":
            path.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def finding(scan: InputScan, batch: int) -> ScanPrediction:
    near = OodScore(distance=0, outside=False)
    return ScanPrediction(
        file=scan.file,
        slice=scan.slice,
        width=SIDE,
        height=SIDE,
        notes=[str(batch)],
        vote="glioma",
        probabilities={"glioma": 1.0},
        agreement=1,
        members=[],
        familiarity=near,
        mask=MaskFinding(
            area_pixels=SIDE**2, area_mm2=None, share=1.0, too_large=False, familiarity=near
        ),
    )


def load_toy() -> Toy:
    return Toy()


class Named(Toy):
    """Says in the notes of a finding which files it was loaded from."""

    def __init__(self, folder: Path) -> None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        self.read_from = [path.read_text() for path in files]

    def examine(self, scans: Sequence[InputScan]) -> list[tuple[ScanPrediction, Mask]]:
        found = super().examine(scans)
        return [(one.model_copy(update={"notes": self.read_from}), mask) for one, mask in found]


def load_named(folder: Path, limits: Limits, batch: int) -> Named:
    """In place of `load_packaged`."""
    return Named(folder)


def load_nothing(tries: Path) -> Toy:
    """As a package that is damaged; a line in `tries` each time."""
    with tries.open("a") as file:
        file.write("tried\n")
    raise InputError("members/1.keras is damaged")


def load_and_die(tries: Path) -> Toy:
    with tries.open("a") as file:
        file.write("tried\n")
    os._exit(3)
