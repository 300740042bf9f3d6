"""The worker process: decode, predict, draw and explain until its pipe closes."""

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

IMAGE_THREADS = 2
"""Threads that decode and draw: OpenCV lets other threads run meanwhile."""


def work(pipe: Connection, load: Callable[[], Model], batch: int) -> None:
    """Process messages from the pipe until its other end is closed.

    Nothing needs to be cleaned up then: the web process wants no answer, or is dead.

    Args:
        pipe: connection to the web process, which sends tasks after `Ready`.
        load: loads the model.
        batch: maximum number of scans in a batch.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the web process handles Ctrl-C
    worker = _Worker(pipe, batch)
    # in a thread, so that the worker notices its parent's death also while it loads
    threading.Thread(target=_run_or_exit, args=(worker.run, load), daemon=True).start()
    _run_or_exit(worker.listen)


def _run_or_exit(step: Callable[..., object], *arguments: object) -> None:
    """Run a step, and exit after it: half a worker is useless."""
    try:
        step(*arguments)
    except (EOFError, OSError):
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


class _Worker:
    """Threads and state of the worker.

    One thread listens (`listen`), one predicts (`run`), one explains, and `IMAGE_THREADS` decode
    and draw.

    Attributes:
        jobs: decoded files with scans that are in no batch yet; guarded by `changed`.
        unanswered: numbers of the requests without a reply; guarded by `sending`.
        dropped: numbers of the cancelled requests among them; guarded by `sending`.
    """

    model: Model

    def __init__(self, pipe: Connection, batch: int) -> None:
        self.pipe, self.batch = pipe, batch
        self.jobs: deque[BatchJob] = deque()
        self.unanswered: set[int] = set()
        self.dropped: set[int] = set()
        self.changed, self.sending = threading.Condition(), threading.Lock()
        self.image_threads = ThreadPoolExecutor(IMAGE_THREADS)
        self.explain_thread = ThreadPoolExecutor(1)

    def listen(self) -> None:
        while True:
            self._on_message(self.pipe.recv())

    def _on_message(self, message: Submit | Cancel) -> None:
        with self.sending:
            if isinstance(message, Submit):
                self.unanswered.add(message.number)
            elif message.number in self.unanswered:
                self.dropped.add(message.number)
        if isinstance(message, Cancel):
            return
        ask, task = message, message.task
        if isinstance(task, Explain):
            self.explain_thread.submit(self._run_step, ask, self._explain, ask, task)
        else:
            self.image_threads.submit(self._run_step, ask, self._decode, ask, task)

    def run(self, load: Callable[[], Model]) -> None:
        try:
            self.model = load()
        except InputError as error:
            self._fail_to_load(str(error))
        except Exception as error:
            traceback.print_exc()
            self._fail_to_load(f"the model cannot be loaded: {type(error).__name__}")
        self._send(Ready())
        while True:
            if parts := self._next_batch():
                self._predict(parts)

    def _fail_to_load(self, reason: str) -> None:
        self._send(LoadFailed(reason))
        os._exit(1)

    def _next_batch(self) -> list[BatchPart]:
        """Take a batch of decoded scans; empty if nobody waits for them."""
        with self.changed:
            self.changed.wait_for(lambda: self.jobs)
            with self.sending:
                wanted = self.unanswered - self.dropped
            unwanted = [job.ask.number for job in self.jobs if job.ask.number not in wanted]
            self.jobs = deque(job for job in self.jobs if job.ask.number in wanted)
            parts = fair_batch(self.jobs, self.batch)
        for number in unwanted:
            self._reply(Dropped(number))
        return parts

    def _predict(self, parts: list[BatchPart]) -> None:
        """Predict a batch, or its scans one by one after an error.

        So only the scan that causes the error fails.
        """
        try:
            predictions = self.model.examine([part.scan for part in parts])
        except Exception:
            if len(parts) == 1:
                self._reply(Failed(parts[0].job.ask.number, traceback.format_exc()))
            for part in parts if len(parts) > 1 else []:
                self._predict([part])
            return
        self._send(Batch(len(parts)))
        for part, (finding, mask) in zip(parts, predictions, strict=True):
            ask = part.job.ask
            self.image_threads.submit(self._run_step, ask, self._draw, part, finding, mask)

    def _decode(self, ask: Submit, task: Predict) -> Reply | None:
        if ask.number in self.dropped:
            return Dropped(ask.number)
        scans = self.model.read(task.upload)
        with self.changed:
            self.jobs.append(BatchJob(ask, list(scans)))
            self.changed.notify()
        return None

    def _draw(self, part: BatchPart, finding: ScanPrediction, mask: Mask | None) -> Reply | None:
        """Draw a scan; return the answer if it completes the file."""
        job, task = part.job, part.job.ask.task
        draw = isinstance(task, Predict) and task.pictures
        scan = scan_png(part.scan.image) if draw else b""
        marks = mask_png(mask) if draw and mask is not None else b""
        job.keep(part.place, Examined(finding, scan, marks))
        if not job.complete:
            return None
        return Answered(job.ask.number, [job.results[place] for place in range(len(job.scans))])

    def _explain(self, ask: Submit, task: Explain) -> Reply:
        scans = self.model.read(task.upload)
        if not 0 <= task.place < len(scans):
            name, count = task.upload.name, len(scans)
            raise RejectedFile(
                f"{name} has {count} findings, counted from 0, and none at {task.place}", 422
            )
        scan = scans[task.place]
        del scans
        maps = self.model.explain(scan, task.method, lambda: ask.number in self.dropped)
        pictures = {name: map_png(heat) for name, heat in maps.items()}
        return Answered(ask.number, Explained(task.method, scan_png(scan.image), pictures))

    def _run_step(self, ask: Submit, step: Callable[..., Reply | None], *arguments: object) -> None:
        """Run a step of a request, and send its reply, if any.

        An error of the step becomes a reply, too.
        """
        try:
            reply = step(*arguments)
        except Cancelled:
            reply = Dropped(ask.number)
        except InputError as error:
            reply = Rejected(ask.number, str(error), getattr(error, "status", 422))
        except Exception:
            reply = Failed(ask.number, traceback.format_exc())
        if reply is not None:
            self._reply(reply)

    def _reply(self, reply: Reply) -> None:
        """Send a reply, unless the request has one already.

        Several slices of one request may fail.
        """
        with self.sending:
            if reply.number in self.unanswered:
                self.unanswered.discard(reply.number)
                self.dropped.discard(reply.number)
                self.pipe.send(reply)

    def _send(self, event: Event) -> None:
        with self.sending:
            self.pipe.send(event)
