"""Lanes: requests of similar cost, and the workers that answer them one by one."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from scanvote.inputs.scan import RejectedFile
from scanvote.serving.engine.messages import Answer, Reply, Task
from scanvote.serving.engine.model import LaneName, Model
from scanvote.serving.engine.process import Worker, running
from scanvote.serving.engine_api import EngineError, WorkerDied

_log = logging.getLogger(__name__)

LOST = "the worker died on this file twice; the file may be damaged in an unknown way"
_MAX_FAILURES = 3
"""Deaths while loading, in a row, after which requests fail instead of waiting."""
_MAX_BACKOFF = 60.0
"""Maximum seconds between two attempts to load."""


@dataclass(eq=False)
class Request:
    """A task with the future of its answer.

    Attributes:
        lane: where it waits or is answered.
        answer: future of the answer; done as soon as nobody waits.
        worker: the worker that has the task now.
        deaths: number of workers that died while they had the task.
    """

    task: Task
    lane: "Lane"
    answer: "asyncio.Future[Answer]"
    worker: Worker | None = None
    deaths: int = 0

    def settle(self, reply: Reply) -> None:
        if reply.refusal:
            self.refuse(RejectedFile(*reply.refusal))
        elif reply.trace:
            self.refuse(RuntimeError(f"in the worker: {reply.trace}"))
        elif reply.answer is not None and not self.answer.done():
            self.answer.set_result(reply.answer)

    def withdraw(self) -> None:
        """Give up, since nobody waits any longer."""
        self.answer.cancel()
        if self in self.lane.waiting:
            self.lane.waiting.remove(self)
        elif self.worker:
            self.worker.cancel()

    def refuse(self, error: Exception) -> None:
        """Fail with `error`, unless it is already done."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(eq=False)
class Lane:
    """Requests of similar cost, and their workers.

    Attributes:
        name: of the lane.
        load: loads the model, in a worker.
        workers: maximum number of workers.
        seconds: time for one task, after which a worker counts as hanging.
        backoff: seconds until a worker that could not load is started again; doubled each time.
        niceness: of the workers.
        larger: lane of the files that are too large for this one; the first worker of a lane
            that has one starts at once, all others when they are needed.
        waiting: requests that no worker has yet, in the order of their arrival.
        asked: requests that a worker has, even if nobody waits any longer.
        ready: workers that have loaded the model.
        load_error: reason why no worker will be ready soon; otherwise empty.
        answers: number of replies so far.
        losses: number of workers lost so far.
    """

    name: LaneName
    load: Callable[[], Model]
    workers: int
    seconds: float
    backoff: float
    niceness: int = 0
    larger: "Lane | None" = None
    waiting: deque[Request] = field(default_factory=deque)
    asked: set[Request] = field(default_factory=set)
    ready: set[Worker] = field(default_factory=set)
    load_error: str = ""
    answers: int = 0
    losses: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def unanswered(self) -> list[Request]:
        return [*self.waiting, *self.asked]

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers that are ready."""
        return [worker.pid for worker in self.ready]

    def add(self, request: Request) -> None:
        """Enqueue a request, or refuse it if no worker will be ready soon."""
        request.lane = self
        if self.load_error:
            request.refuse(EngineError(self.load_error))
            return
        self.waiting.append(request)
        self._changed.set()

    def refuse_all(self, reason: str) -> None:
        """Refuse all requests, and further ones until a worker is ready."""
        self.load_error = reason
        for request in self.unanswered:
            request.refuse(EngineError(reason))
        self.waiting.clear()

    async def keep_worker(self, place: int) -> None:
        """Keep a worker running from when it is needed, until cancelled.

        Args:
            place: number of the other workers that have to be ready before.
        """
        failures = 0
        while True:
            await self._until(lambda: self._needs(place))
            try:
                was_ready = await self._run_worker()
            except Exception as error:  # also of a first message that cannot be unpickled
                _log.error("no worker can be started: %s", error)
                was_ready = False
            self.losses += 1
            failures = 0 if was_ready else failures + 1
            if failures:
                self._note_failure(failures)
                await asyncio.sleep(min(self.backoff * 2 ** (failures - 1), _MAX_BACKOFF))

    def _needs(self, place: int) -> bool:
        """Return whether worker number `place` is needed: the others are busy."""
        if (self.larger or self.load_error) and not place:
            return True
        idle = len(self.ready) - len(self.asked)
        return len(self.ready) >= place and len(self.waiting) > idle

    async def _run_worker(self) -> bool:
        """Run one worker to its end; return whether it became ready."""
        async with running(self.load, self.niceness, self._changed.set) as worker:
            if not await self._loaded(worker):
                return False
            self.load_error = ""
            self.ready.add(worker)
            self._changed.set()
            try:
                await self._use(worker)
            finally:
                self.ready.discard(worker)
            _log.warning("a worker is lost")
            return True

    async def _loaded(self, worker: Worker) -> bool:
        try:
            said = await worker.receive()
        except (EOFError, OSError):
            _log.warning("a worker is lost before it was ready")
            return False
        if said.error:
            self._refuse_until_loaded(said.error)
        return not said.error

    async def _use(self, worker: Worker) -> None:
        """Let the worker answer one request after the other, until it is lost."""
        while not worker.lost:
            await self._until(lambda: bool(self.waiting) or worker.lost)
            if not worker.lost:
                await self._ask(worker, self.waiting.popleft())

    async def _ask(self, worker: Worker, request: Request) -> None:
        self.asked.add(request)
        request.worker = worker
        try:
            async with asyncio.timeout(self.seconds):
                reply = await worker.ask(request.task)
        except Exception as error:  # also of a reply that cannot be unpickled
            _log.warning("a worker is replaced: %s", type(error).__name__)
            worker.lost = True
            self._retry(request)
            return
        finally:
            self.asked.discard(request)
            request.worker = None
        self.answers += 1
        if reply.too_large and self.larger and not request.answer.done():
            self.larger.add(request)
        request.settle(reply)

    def _retry(self, request: Request) -> None:
        """Ask another worker, unless nobody waits or two have died already."""
        request.deaths += 1
        if request.deaths > 1:
            request.refuse(WorkerDied(f"{request.task.upload.name}: {LOST}"))
        elif not request.answer.done():
            self.waiting.appendleft(request)
            self._changed.set()

    def _note_failure(self, failures: int) -> None:
        if failures >= _MAX_FAILURES and not self.load_error:
            self._refuse_until_loaded(
                f"the model's process died {failures} times while it was loading"
            )

    def _refuse_until_loaded(self, reason: str) -> None:
        _log.error("the model cannot be used: %s", reason)
        if not self.ready:
            self.refuse_all(reason)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()
