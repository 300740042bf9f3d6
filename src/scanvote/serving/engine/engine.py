"""Engine with one model in several worker processes.

    async with start_engine(Path("models/package"), Limits(), EngineOptions()) as engine:
        examined = await engine.predict(Upload("scan.png", content))

Each worker answers one file at a time, in one of three lanes: small files, by as many workers as
processors; large images and volumes; explanations. So a small file waits for no large one, and
neither waits for an explanation of minutes; the workers of these two lanes yield the processors to
small files. All but the first worker start when they are needed.

Web process and workers read a copy of the package that nobody else knows
(`scanvote.serving.engine.snapshot`). The web process keeps every file until the answer, so nothing
is lost with a worker.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from scanvote.core.processors import allowed_processors
from scanvote.core.runtimes import Runtime
from scanvote.inputs.scan import Limits
from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.package.metadata import CARD, SAMPLES
from scanvote.pipeline.package.runtime import choose_runtime, describe, usable_methods
from scanvote.serving.engine.lane import Lane, Request
from scanvote.serving.engine.messages import Answer, Explain, Predict, Task
from scanvote.serving.engine.model import LaneName, Model, load_packaged
from scanvote.serving.engine.snapshot import snapshot
from scanvote.serving.engine_api import (
    Engine,
    Examined,
    Explained,
    QueueFull,
    RequestTimeout,
    Upload,
)

EXPLANATIONS = 4
"""Maximum number of unfinished explanations; each takes seconds to minutes."""
HELD = 8
"""Maximum memory of unanswered files, in files of the largest allowed size."""
SMALL_BYTES = 4 * 2**20
"""Largest small file; a worker looks at its pixels (`SMALL_PIXELS`)."""
NICENESS = 10
"""Of the workers for large files and explanations."""
_GZIP, _NIFTI = b"\x1f\x8b", (b"n+1", b"n+2", b"ni1", b"ni2")
_NIFTI_MAGIC = (344, 4)
"""Offsets of the magic bytes in NIfTI-1 and NIfTI-2."""


@dataclass(frozen=True)
class EngineOptions:
    """Workers, queue and timeouts of the engine.

    Attributes:
        runtime: what computes the networks; None: ONNX Runtime if the package has graphs.
        workers: maximum number of workers for small files; None: the allowed processors with ONNX
            Runtime on them, else one.
        queue: maximum number of files that wait for a worker.
        timeout: seconds after which a prediction fails.
        explain_timeout: seconds after which an explanation fails.
        slack: seconds beyond these, after which a worker without an answer is killed.
        backoff: seconds until a worker that could not load is started again, doubled each time.
    """

    runtime: Runtime | None = None
    workers: int | None = None
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
        InputError: `folder` is no package, cannot be copied, or not be used with the runtime.
    """
    with snapshot(folder) as taken:
        copy, runtime = taken.folder, choose_runtime(taken.contents, options.runtime)
        load = partial(load_packaged, copy, limits, runtime)
        if runtime != "onnx":  # a model that is large, or computed elsewhere
            options = replace(options, workers=options.workers or 1)
        samples = {path.name: path.read_bytes() for path in sorted((copy / SAMPLES).glob("*.*"))}
        card = (copy / CARD).read_text(encoding="utf-8")
        engine = WorkerEngine(
            taken.contents, card, samples, load, limits, options, taken.newer, runtime
        )
        async with engine.alive():
            yield engine


class WorkerEngine:
    """Engine with worker processes; see `scanvote.serving.engine_api.Engine`.

    Attributes:
        lanes: all lanes, that of small files first.
    """

    def __init__(
        self,
        contents: ModelMetadata,
        card: str,
        samples: dict[str, bytes],
        load: Callable[[LaneName, int], Model],
        limits: Limits,
        options: EngineOptions,
        newer: Callable[[], str | None] = lambda: None,
        runtime: Runtime = "onnx",
    ) -> None:
        self.contents, self.card, self.samples = contents, card, samples
        self.runtime, self.methods = describe(runtime), usable_methods(contents)
        self.options, self.newer, self._max_bytes = options, newer, HELD * limits.bytes
        every, backoff = allowed_processors(), options.backoff
        prediction = options.timeout + options.slack
        explanation = options.explain_timeout + options.slack
        self._large = Lane("large", partial(load, "large", every), 1, prediction, backoff, NICENESS)
        self._explaining = Lane(
            "explain", partial(load, "explain", every), 1, explanation, backoff, NICENESS
        )
        workers = options.workers or every
        self._small = Lane(
            "small", partial(load, "small", 1), workers, prediction, backoff, larger=self._large
        )
        self.lanes = (self._small, self._large, self._explaining)

    @property
    def ready(self) -> bool:
        return bool(self._small.ready)

    @property
    def waiting(self) -> int:
        return sum(len(lane.unanswered) for lane in self.lanes)

    async def predict(self, upload: Upload, pictures: bool = True) -> list[Examined]:
        waiting = len(self._small.waiting) + len(self._large.waiting)
        if waiting >= self.options.queue:
            raise QueueFull(f"{self.options.queue} files wait already; ask again later")
        lane = self._large if is_large(upload.content) else self._small
        task, seconds = Predict(upload, pictures), self.options.timeout
        return cast(list[Examined], await self._run(lane, task, seconds))

    async def explain(self, upload: Upload, method: Method, place: int = 0) -> Explained:
        if len(self._explaining.unanswered) >= EXPLANATIONS:
            raise QueueFull("enough explanations wait already; ask again later")
        task, seconds = Explain(upload, method, place), self.options.explain_timeout
        return cast(Explained, await self._run(self._explaining, task, seconds))

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Keep workers running within this context."""
        keepers = [
            asyncio.create_task(lane.keep_worker(place))
            for lane in self.lanes
            for place in range(lane.workers)
        ]
        try:
            yield
        finally:
            for lane in self.lanes:
                lane.refuse_all("the server ends")
            for keeper in keepers:
                keeper.cancel()
            await asyncio.wait(keepers)

    async def _run(self, lane: Lane, task: Task, seconds: float) -> Answer:
        request = Request(task, lane, asyncio.get_running_loop().create_future())
        lane.add(request)
        try:
            self._check_memory()
            async with asyncio.timeout(seconds):
                return await request.answer
        except TimeoutError:
            raise RequestTimeout(f"{task.upload.name}: no answer within {seconds:g} s") from None
        finally:
            request.withdraw()

    def _check_memory(self) -> None:
        held = (request.task.upload for lane in self.lanes for request in lane.unanswered)
        if sum(len(one.content) for one in held) > self._max_bytes:
            raise QueueFull("the files that wait fill the memory; ask again later")


def is_large(content: bytes) -> bool:
    """Return whether a file is large whatever its pixels say: by its size, or as a NIfTI.

    The content decides, not the name. A DICOM file may hold one slice or many; a worker sees.
    """
    magic = {content[at : at + 3] for at in _NIFTI_MAGIC}
    return len(content) > SMALL_BYTES or content.startswith(_GZIP) or bool(magic & set(_NIFTI))
