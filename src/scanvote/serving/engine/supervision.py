"""There is always a worker: one that died or hangs is replaced, and asked what the other was."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from scanvote.inputs.scan import RejectedFile
from scanvote.serving.engine.batching import Request, Scheduler, refuse
from scanvote.serving.engine.messages import (
    Answered,
    Batch,
    Cancel,
    Event,
    Failed,
    LoadFailed,
    Ready,
    Rejected,
    Reply,
    Submit,
)
from scanvote.serving.engine.model import Model
from scanvote.serving.engine.process import Worker
from scanvote.serving.engine_api import EngineError

_log = logging.getLogger(__name__)

_LOOK = 0.5
"""Seconds between two looks whether the worker hangs."""
_DEATHS = 3
"""Of workers that were not ready yet, in a row, until nobody is kept waiting for the next."""
_LONGEST = 60.0
"""Seconds between two tries to load."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds.

    Attributes:
        prediction: that a worker may be silent of, which has some to make.
        explanation: that one may take.
        loading: from a worker that could not load to the next; doubled each time.
    """

    prediction: float
    explanation: float
    loading: float


class Supervisor:
    """Sends what is due at the desk to a worker, and brings its answers.

    Attributes:
        worker: that is running, None between two.
        ready: it can be asked.
        unable: why no worker will be ready soon; empty else.
        batches: how many the networks were shown so far, by their number of scans.
        restarts: workers that were lost so far.
    """

    def __init__(
        self, load: Callable[[], Model], batch: int, desk: Scheduler, spans: Timeouts
    ) -> None:
        self.load, self.batch, self.desk, self.spans = load, batch, desk, spans
        self.worker: Worker | None = None
        self.ready, self.unable = False, ""
        self.batches: Counter[int] = Counter()
        self.restarts = 0
        self._sign = monotonic()
        """When the worker last showed that it makes predictions."""

    async def supervise(self) -> None:
        """Until it is cancelled."""
        failures = 0
        while True:
            failures = 0 if await self._one_worker() else failures + 1
            self.restarts += 1
            self.desk.requeue()
            if failures:
                self._note_failure(failures)
                await asyncio.sleep(min(self.spans.loading * 2 ** (failures - 1), _LONGEST))

    def send_due(self) -> None:
        if self.ready and self.worker:
            for request in self.desk.next_batch():
                self.worker.tell(Submit(request.number, request.task))

    def drop(self, request: Request) -> None:
        if self.worker:
            self.worker.tell(Cancel(request.number))

    async def _one_worker(self) -> bool:
        """From its start to its end; whether it ever was ready."""
        try:
            self.worker = worker = Worker(self.load, self.batch, self._on_event)
        except OSError as error:  # no more processes, no more files
            _log.error("no worker can be started: %s", error)
            return False
        try:
            while not worker.gone.is_set():
                await _within(_LOOK, worker.gone)
                if self._hangs():
                    _log.warning("the worker hangs, and is killed")
                    worker.kill()
                    await worker.gone.wait()
            was_ready = self.ready
            _log.warning("the worker is lost%s", "" if was_ready else " before it was ready")
            return was_ready
        finally:
            self.worker, self.ready = None, False
            await worker.end()

    def _on_event(self, worker: Worker, told: Event) -> None:
        if worker is not self.worker:
            return
        if isinstance(told, Ready):
            self.ready, self.unable = True, ""
        elif isinstance(told, LoadFailed):
            self._give_up(told.reason)
        elif isinstance(told, Batch):
            self.batches[told.scans] += 1
            self._sign = monotonic()
        else:
            self._complete(told)
        self.send_due()

    def _complete(self, reply: Reply) -> None:
        request = self.desk.complete(reply.number)
        if request is None or request.answer.done():
            return
        if isinstance(reply, Answered):
            request.answer.set_result(reply.answer)
        elif isinstance(reply, Rejected):
            refuse(request, RejectedFile(reply.reason, reply.status))
        elif isinstance(reply, Failed):
            refuse(request, RuntimeError(f"in the worker: {reply.trace}"))

    def _note_failure(self, failures: int) -> None:
        if failures >= _DEATHS and not self.unable:
            self._give_up(f"the model's process died {failures} times while it was loading")

    def _give_up(self, reason: str) -> None:
        _log.error("the model cannot be asked: %s", reason)
        self.unable = reason
        self.desk.refuse_all(EngineError(reason))

    def _hangs(self) -> bool:
        now, explanations = monotonic(), self.desk.explanations.sent.values()
        silent = now - max(self._sign, _oldest(self.desk.predictions, now))
        explained = now - _oldest(explanations, now)
        return silent > self.spans.prediction or explained > self.spans.explanation


def _oldest(sent: Iterable[Request], now: float) -> float:
    return min((request.sent for request in sent), default=now)


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Until it happens, or the time is over."""
    await asyncio.wait([waiting := asyncio.ensure_future(event.wait())], timeout=seconds)
    waiting.cancel()
