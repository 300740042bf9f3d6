"""Supervision: replace a worker that died or hangs, and retry its requests."""

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

_CHECK_SECONDS = 0.5
"""Seconds between two checks whether the worker hangs."""
_MAX_FAILURES = 3
"""Deaths while loading, in a row, after which requests fail instead of waiting."""
_MAX_BACKOFF = 60.0
"""Maximum seconds between two attempts to load."""


@dataclass(frozen=True)
class Timeouts:
    """Timeouts of the worker in seconds.

    Attributes:
        prediction: time without progress after which a worker with predictions counts as hanging.
        explanation: time after which a worker with an unfinished explanation counts as hanging.
        loading: seconds to wait before starting another worker after a failed load; doubled after
            each further one.
    """

    prediction: float
    explanation: float
    loading: float


class Supervisor:
    """Send scheduled requests to a worker, and deliver its answers.

    Attributes:
        worker: None while no worker runs.
        ready: whether the worker takes requests.
        load_error: reason why no worker will be ready soon; otherwise empty.
        batches: how many batches of each size, in scans, were predicted so far.
        restarts: number of workers lost so far, each replaced by another.
    """

    def __init__(
        self, load: Callable[[], Model], batch: int, scheduler: Scheduler, timeouts: Timeouts
    ) -> None:
        self.load, self.batch = load, batch
        self.scheduler, self.timeouts = scheduler, timeouts
        self.worker: Worker | None = None
        self.ready, self.load_error = False, ""
        self.batches: Counter[int] = Counter()
        self.restarts = 0
        self._last_batch = monotonic()
        """Monotonic time of the last predicted batch."""

    async def supervise(self) -> None:
        """Keep a worker running until cancelled."""
        failures = 0
        while True:
            failures = 0 if await self._run_worker() else failures + 1
            self.restarts += 1
            self.scheduler.requeue()
            if failures:
                self._note_failure(failures)
                await asyncio.sleep(min(self.timeouts.loading * 2 ** (failures - 1), _MAX_BACKOFF))

    def send_due(self) -> None:
        """If the worker is ready, send it the next requests."""
        if self.ready and self.worker:
            for request in self.scheduler.next_batch():
                self.worker.send(Submit(request.number, request.task))

    def cancel(self, request: Request) -> None:
        """Tell the worker that nobody waits for the request."""
        if self.worker:
            self.worker.send(Cancel(request.number))

    async def _run_worker(self) -> bool:
        """Run one worker to its end; return whether it became ready."""
        try:
            self.worker = worker = Worker(self.load, self.batch, self._on_event)
        except OSError as error:  # no process or file descriptor left
            _log.error("no worker can be started: %s", error)
            return False
        try:
            while not worker.gone.is_set():
                await _wait_for(_CHECK_SECONDS, worker.gone)
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

    def _on_event(self, worker: Worker, event: Event) -> None:
        if worker is not self.worker:
            return
        if isinstance(event, Ready):
            self.ready, self.load_error = True, ""
        elif isinstance(event, LoadFailed):
            self._refuse_until_loaded(event.reason)
        elif isinstance(event, Batch):
            self.batches[event.scans] += 1
            self._last_batch = monotonic()
        else:
            self._complete(event)
        self.send_due()

    def _complete(self, reply: Reply) -> None:
        request = self.scheduler.complete(reply.number)
        if request is None or request.answer.done():
            return
        if isinstance(reply, Answered):
            request.answer.set_result(reply.answer)
        elif isinstance(reply, Rejected):
            refuse(request, RejectedFile(reply.reason, reply.status))
        elif isinstance(reply, Failed):
            refuse(request, RuntimeError(f"in the worker: {reply.trace}"))

    def _note_failure(self, failures: int) -> None:
        if failures >= _MAX_FAILURES and not self.load_error:
            self._refuse_until_loaded(
                f"the model's process died {failures} times while it was loading"
            )

    def _refuse_until_loaded(self, reason: str) -> None:
        """Refuse all requests until a worker has loaded the model."""
        _log.error("the model cannot be used: %s", reason)
        self.load_error = reason
        self.scheduler.refuse_all(EngineError(reason))

    def _hangs(self) -> bool:
        now, explanations = monotonic(), self.scheduler.explanations.sent.values()
        idle = now - max(self._last_batch, _oldest(self.scheduler.predictions, now))
        explaining = now - _oldest(explanations, now)
        return idle > self.timeouts.prediction or explaining > self.timeouts.explanation


def _oldest(sent: Iterable[Request], now: float) -> float:
    return min((request.sent for request in sent), default=now)


async def _wait_for(seconds: float, event: asyncio.Event) -> None:
    """Wait for the event, at most `seconds`."""
    await asyncio.wait([waiting := asyncio.ensure_future(event.wait())], timeout=seconds)
    waiting.cancel()
