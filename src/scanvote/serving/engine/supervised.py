"""Engine with one model in a supervised process, for many concurrent requests.

    async with start_engine(Path("models/package"), Limits(), EngineOptions()) as engine:
        examined = await engine.predict(Upload("scan.png", content))

Web process and workers read a copy of the package that nobody else knows
(`scanvote.serving.engine.snapshot`). The web process imports neither TensorFlow nor Keras. It keeps
every file until the answer, so nothing is lost with a worker: see
`scanvote.serving.engine.batching` for the retries.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from scanvote.inputs.scan import Limits
from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.package.metadata import CARD, SAMPLES
from scanvote.serving.engine.batching import Scheduler
from scanvote.serving.engine.messages import Explain, Predict, Task
from scanvote.serving.engine.model import Model, load_packaged
from scanvote.serving.engine.snapshot import snapshot
from scanvote.serving.engine.supervision import Supervisor, Timeouts
from scanvote.serving.engine_api import (
    Engine,
    EngineError,
    Examined,
    Explained,
    RequestTimeout,
    Upload,
)

EXPLANATIONS = 4
"""Maximum number of unfinished explanations; each takes seconds to minutes."""
HELD = 8
"""Maximum memory of unanswered files, in files of the largest allowed size."""


@dataclass(frozen=True)
class EngineOptions:
    """Batching, queue and timeouts of the engine.

    Attributes:
        batch: maximum number of scans in a batch.
        queue: maximum number of files that wait for the worker.
        timeout: seconds after which a prediction fails.
        explain_timeout: seconds after which an explanation fails.
        slack: seconds beyond these, after which a worker without a sign of life is killed.
        backoff: seconds until a worker that could not load is started again, doubled each time.
    """

    batch: int = 32
    queue: int = 128
    timeout: float = 30.0
    explain_timeout: float = 120.0
    slack: float = 5.0
    backoff: float = 1.0


@asynccontextmanager
async def start_engine(
    folder: Path, limits: Limits, options: EngineOptions
) -> AsyncIterator[Engine]:
    """Run an engine for the package in `folder`, from a copy of its own.

    Requests wait while the package loads.

    Raises:
        InputError: `folder` is no package, or cannot be copied.
    """
    with snapshot(folder) as taken:
        copy = taken.folder
        load = partial(load_packaged, copy, limits, options.batch)
        samples = {path.name: path.read_bytes() for path in sorted((copy / SAMPLES).glob("*.*"))}
        card = (copy / CARD).read_text(encoding="utf-8")
        engine = SupervisedEngine(taken.contents, card, samples, load, limits, options, taken.newer)
        async with engine.alive():
            yield engine


class SupervisedEngine:
    """Engine with a supervised worker process; see `scanvote.serving.engine_api.Engine`."""

    def __init__(
        self,
        contents: ModelMetadata,
        card: str,
        samples: dict[str, bytes],
        load: Callable[[], Model],
        limits: Limits,
        options: EngineOptions,
        newer: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.contents, self.card, self.samples = contents, card, samples
        self.options, self.newer = options, newer
        self._scheduler = Scheduler(options.batch, options.queue, HELD * limits.bytes, EXPLANATIONS)
        timeouts = Timeouts(
            options.timeout + options.slack,
            options.explain_timeout + options.slack,
            options.backoff,
        )
        self._supervisor = Supervisor(load, options.batch, self._scheduler, timeouts)

    @property
    def ready(self) -> bool:
        return self._supervisor.ready

    @property
    def waiting(self) -> int:
        return self._scheduler.unanswered

    @property
    def batches(self) -> dict[int, int]:
        """Number of batches so far, by their number of scans."""
        return dict(self._supervisor.batches)

    @property
    def restarts(self) -> int:
        """Number of workers lost so far."""
        return self._supervisor.restarts

    @property
    def worker_pid(self) -> int | None:
        worker = self._supervisor.worker
        return worker.process.pid if worker else None

    async def predict(self, upload: Upload, pictures: bool = True) -> list[Examined]:
        task = Predict(upload, pictures)
        return cast(list[Examined], await self._run(task, self.options.timeout))

    async def explain(self, upload: Upload, method: Method, place: int = 0) -> Explained:
        task = Explain(upload, method, place)
        return cast(Explained, await self._run(task, self.options.explain_timeout))

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Keep a worker running within this context."""
        supervision = asyncio.create_task(self._supervisor.supervise())
        try:
            yield
        finally:
            supervision.cancel()
            await asyncio.wait([supervision])
            self._scheduler.refuse_all(EngineError("the server ends"))

    async def _run(self, task: Task, seconds: float) -> list[Examined] | Explained:
        if self._supervisor.load_error:
            raise EngineError(self._supervisor.load_error)
        request = self._scheduler.add(task)
        self._supervisor.send_due()
        try:
            async with asyncio.timeout(seconds):
                return await request.answer
        except TimeoutError:
            raise RequestTimeout(f"{task.upload.name}: no answer within {seconds:g} s") from None
        finally:
            request.answer.cancel()
            if self._scheduler.cancel(request):
                self._supervisor.cancel(request)
