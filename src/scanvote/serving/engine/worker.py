"""The process that has the networks: decodes, examines, draws, explains, until its pipe closes."""

import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from scanvote.core.errors import InputError
from scanvote.images.decode import Mask
from scanvote.inputs.scan import RejectedFile
from scanvote.predict.schema import ScanPrediction
from scanvote.serving.engine.fair_batch import BatchJob, BatchPart, fair_batch
from scanvote.serving.engine.messages import (
    Answered,
    Batch,
    Cancel,
    Dropped,
    Event,
    Explain,
    Failed,
    LoadFailed,
    Predict,
    Ready,
    Rejected,
    Reply,
    Submit,
)
from scanvote.serving.engine.model import Cancelled, Model
from scanvote.serving.engine.pictures import map_png, mask_png, scan_png
from scanvote.serving.engine_api import Examined, Explained

HANDS = 2
"""Threads that decode and draw: OpenCV lets others run meanwhile."""


def work(pipe: Connection, load: Callable[[], Model], batch: int) -> None:
    """Serve what comes through the pipe; end as soon as its other end is closed.

    Nothing is to be tidied up: whoever closed it wants no answer, or is dead.

    Args:
        pipe: to the web process, which asks when it was told `Ready`.
        load: gives what is asked.
        batch: most scans that are examined at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the web process to act on
    worker = _Worker(pipe, batch)
    # in a thread, so that the worker hears of its parent's death while it loads, too
    threading.Thread(target=_or_end, args=(worker.run, load), daemon=True).start()
    _or_end(worker.listen)


def _or_end(step: Callable[..., object], *what: object) -> None:
    """End the process with the step: a worker of which half is dead answers nobody."""
    try:
        step(*what)
    except (EOFError, OSError):
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


class _Worker:
    """One thread listens (`listen`), one examines (`run`), one explains, and `HANDS` do the rest.

    Attributes:
        jobs: decoded, not yet examined; guarded by `changed`.
        unanswered: numbers of what was asked, guarded by `speaking` as are the dropped of them.
    """

    asked: Model

    def __init__(self, pipe: Connection, batch: int) -> None:
        self.pipe, self.batch = pipe, batch
        self.jobs: deque[BatchJob] = deque()
        self.unanswered: set[int] = set()
        self.dropped: set[int] = set()
        self.changed, self.speaking = threading.Condition(), threading.Lock()
        self.hands, self.explaining = ThreadPoolExecutor(HANDS), ThreadPoolExecutor(1)

    def listen(self) -> None:
        while True:
            self._hear(self.pipe.recv())

    def _hear(self, said: Submit | Cancel) -> None:
        with self.speaking:
            if isinstance(said, Submit):
                self.unanswered.add(said.number)
            elif said.number in self.unanswered:
                self.dropped.add(said.number)
        if isinstance(said, Cancel):
            return
        if isinstance(said.task, Explain):
            self.explaining.submit(self._answering, said, self._explain, said, said.task)
        else:
            self.hands.submit(self._answering, said, self._decode, said, said.task)

    def run(self, load: Callable[[], Model]) -> None:
        try:
            self.asked = load()
        except InputError as error:
            self._end(str(error))
        except Exception as error:
            traceback.print_exc()
            self._end(f"the model cannot be loaded: {type(error).__name__}")
        self._tell(Ready())
        while True:
            if parts := self._next_batch():
                self._examine(parts)

    def _end(self, reason: str) -> None:
        self._tell(LoadFailed(reason))
        os._exit(1)

    def _next_batch(self) -> list[BatchPart]:
        """Whatever is decoded, as soon as anything is; none where nobody waits for it."""
        with self.changed:
            self.changed.wait_for(lambda: self.jobs)
            with self.speaking:
                wanted = self.unanswered - self.dropped
            unwanted = [job.ask.number for job in self.jobs if job.ask.number not in wanted]
            self.jobs = deque(job for job in self.jobs if job.ask.number in wanted)
            parts = fair_batch(self.jobs, self.batch)
        for number in unwanted:
            self._reply(Dropped(number))
        return parts

    def _examine(self, parts: list[BatchPart]) -> None:
        """A batch that fails is looked at scan by scan: what does no harm is answered."""
        try:
            said = self.asked.examine([part.scan for part in parts])
        except Exception:
            if len(parts) == 1:
                self._reply(Failed(parts[0].job.ask.number, traceback.format_exc()))
            for part in parts if len(parts) > 1 else []:
                self._examine([part])
            return
        self._tell(Batch(len(parts)))
        for part, (finding, mask) in zip(parts, said, strict=True):
            ask = part.job.ask
            self.hands.submit(self._answering, ask, self._draw, part, finding, mask)

    def _decode(self, ask: Submit, task: Predict) -> Reply | None:
        if ask.number in self.dropped:
            return Dropped(ask.number)
        scans = self.asked.read(task.upload)
        with self.changed:
            self.jobs.append(BatchJob(ask, list(scans)))
            self.changed.notify()
        return None

    def _draw(self, part: BatchPart, finding: ScanPrediction, mask: Mask) -> Reply | None:
        """The answer, when it was the last scan of a file."""
        job, task = part.job, part.job.ask.task
        wanted = isinstance(task, Predict) and task.pictures
        pictures = (scan_png(part.scan.image), mask_png(mask)) if wanted else (b"", b"")
        job.keep(part.place, Examined(finding, *pictures))
        if not job.complete:
            return None
        return Answered(job.ask.number, [job.found[place] for place in range(len(job.scans))])

    def _explain(self, ask: Submit, task: Explain) -> Reply:
        scans = self.asked.read(task.upload)
        if not 0 <= task.place < len(scans):
            name, count = task.upload.name, len(scans)
            raise RejectedFile(
                f"{name} has {count} findings, from 0, and so none at {task.place}", 422
            )
        scan = scans[task.place]
        del scans
        maps = self.asked.explain(scan, task.method, lambda: ask.number in self.dropped)
        drawn = {name: map_png(heat) for name, heat in maps.items()}
        return Answered(ask.number, Explained(task.method, scan_png(scan.image), drawn))

    def _answering(self, ask: Submit, step: Callable[..., Reply | None], *what: object) -> None:
        """Do a step, and reply if that settles what was asked."""
        try:
            reply = step(*what)
        except Cancelled:
            reply = Dropped(ask.number)
        except InputError as error:
            reply = Rejected(ask.number, str(error), getattr(error, "status", 422))
        except Exception:
            reply = Failed(ask.number, traceback.format_exc())
        if reply is not None:
            self._reply(reply)

    def _reply(self, reply: Reply) -> None:
        """The first reply counts: of several slices more than one may fail."""
        with self.speaking:
            if reply.number in self.unanswered:
                self.unanswered.discard(reply.number)
                self.dropped.discard(reply.number)
                self.pipe.send(reply)

    def _tell(self, told: Event) -> None:
        with self.speaking:
            self.pipe.send(told)
