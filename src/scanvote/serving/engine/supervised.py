"""One model in a process of its own, asked by many tasks of the web process, and kept alive.

    async with start_engine(Path("models/package"), Limits(), EngineOptions()) as engine:
        examined = await engine.predict(Upload("scan.png", content))

The web process imports neither TensorFlow nor Keras. It keeps every file until it is answered, so
nothing is lost with a worker: see `scanvote.serving.engine.batching` for who is asked again.
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
from scanvote.pipeline.package import ModelMetadata, read_metadata
from scanvote.pipeline.package.metadata import CARD, SAMPLES
from scanvote.serving.engine.batching import Scheduler
from scanvote.serving.engine.messages import Explain, Predict, Task
from scanvote.serving.engine.model import Model, load_packaged
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
"""That may be unfinished; each takes seconds to minutes."""
HELD = 8
"""Files of the largest size that are held in memory at most, unanswered."""


@dataclass(frozen=True)
class EngineOptions:
    """How the model is asked.

    Attributes:
        batch: most scans that the networks are shown at once.
        queue: files that may wait for the worker.
        timeout: seconds until a prediction that is not there counts as too slow.
        explain_timeout: likewise, of an explanation.
        slack: seconds beyond these, after which a worker that gave no sign of life is killed.
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
    """The package in `folder`, loading; what is asked before it is ready waits.

    Raises:
        InputError: it is no package.
    """
    contents = read_metadata(folder)
    load = partial(load_packaged, folder, limits, options.batch)
    samples = {path.name: path.read_bytes() for path in sorted((folder / SAMPLES).glob("*.*"))}
    card = (folder / CARD).read_text(encoding="utf-8")
    engine = SupervisedEngine(contents, card, samples, load, limits, options)
    async with engine.alive():
        yield engine


class SupervisedEngine:
    """See `scanvote.serving.engine_api.Engine`."""

    def __init__(
        self,
        contents: ModelMetadata,
        card: str,
        samples: dict[str, bytes],
        load: Callable[[], Model],
        limits: Limits,
        options: EngineOptions,
    ) -> None:
        self.contents, self.card, self.samples = contents, card, samples
        self.options = options
        self._desk = Scheduler(options.batch, options.queue, HELD * limits.bytes, EXPLANATIONS)
        spans = Timeouts(
            options.timeout + options.slack,
            options.explain_timeout + options.slack,
            options.backoff,
        )
        self._supervisor = Supervisor(load, options.batch, self._desk, spans)

    @property
    def ready(self) -> bool:
        return self._supervisor.ready

    @property
    def waiting(self) -> int:
        return self._desk.unanswered

    @property
    def batches(self) -> dict[int, int]:
        """How many the networks were shown so far, by their number of scans."""
        return dict(self._supervisor.batches)

    @property
    def restarts(self) -> int:
        """Workers that were lost so far."""
        return self._supervisor.restarts

    @property
    def worker_pid(self) -> int | None:
        worker = self._supervisor.worker
        return worker.process.pid if worker else None

    async def predict(self, upload: Upload, pictures: bool = True) -> list[Examined]:
        found = await self._asked(Predict(upload, pictures), self.options.timeout)
        return cast(list[Examined], found)

    async def explain(self, upload: Upload, method: Method, place: int = 0) -> Explained:
        task = Explain(upload, method, place)
        return cast(Explained, await self._asked(task, self.options.explain_timeout))

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Have a worker meanwhile."""
        supervising = asyncio.create_task(self._supervisor.supervise())
        try:
            yield
        finally:
            supervising.cancel()
            await asyncio.wait([supervising])
            self._desk.refuse_all(EngineError("the server ends"))

    async def _asked(self, task: Task, seconds: float) -> list[Examined] | Explained:
        if self._supervisor.unable:
            raise EngineError(self._supervisor.unable)
        request = self._desk.add(task)
        self._supervisor.send_due()
        try:
            async with asyncio.timeout(seconds):
                return await request.answer
        except TimeoutError:
            raise RequestTimeout(f"{task.upload.name}: no answer within {seconds:g} s") from None
        finally:
            request.answer.cancel()
            if self._desk.cancel(request):
                self._supervisor.drop(request)
