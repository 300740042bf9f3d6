"""Run the engine on a request's files until the client disconnects."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from scanvote.inputs.scan import RejectedFile
from scanvote.predict.schema import FileError
from scanvote.serving.engine_api import Engine, EngineError, Examined, Upload
from scanvote.serving.rest.metrics import Metrics

T = TypeVar("T")

AT_ONCE = 8
"""Files of one request in the engine at a time, so that large requests delay others less."""


@dataclass(frozen=True)
class RequestResult:
    """Predictions for the files of a request, or errors, file by file."""

    answers: list[list[Examined] | FileError]

    @property
    def examined(self) -> list[Examined]:
        return [
            one for answer in self.answers if not isinstance(answer, FileError) for one in answer
        ]

    @property
    def refused(self) -> list[FileError]:
        return [answer for answer in self.answers if isinstance(answer, FileError)]


async def run_request(
    request: Request, uploads: Sequence[Upload], pictures: bool = True
) -> RequestResult:
    """Predict all files of a request concurrently, and count the results.

    An error of one file does not affect the others.

    Args:
        request: the request, its body already read.
        uploads: its files.
        pictures: as in `Engine.predict`.

    Raises:
        ClientDisconnect: the client has disconnected; work not yet started is cancelled.
    """
    engine: Engine = request.app.state.engine
    metrics: Metrics = request.app.state.metrics
    work = _predict_all(engine, uploads, pictures)
    result = RequestResult(await cancel_on_disconnect(request, work))
    metrics.count_files(result.examined, result.refused)
    return result


async def _predict_all(
    engine: Engine, uploads: Sequence[Upload], pictures: bool
) -> list[list[Examined] | FileError]:
    slots = asyncio.Semaphore(AT_ONCE)
    predictions = (_predict_one(engine, upload, pictures, slots) for upload in uploads)
    # in a coroutine of its own: a bare gather that is cancelled, not awaited, logs a traceback
    return await asyncio.gather(*predictions)


async def _predict_one(
    engine: Engine, upload: Upload, pictures: bool, slots: asyncio.Semaphore
) -> list[Examined] | FileError:
    try:
        async with slots:
            return await engine.predict(upload, pictures)
    except (RejectedFile, EngineError) as error:
        return FileError(file=upload.name, status=error.status, reason=str(error))


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, and cancel it if the client disconnects.

    The body of the request must already have been read.

    Raises:
        ClientDisconnect: the client has disconnected before the result.
    """
    task = asyncio.ensure_future(work)
    disconnected = asyncio.ensure_future(_wait_for_disconnect(request))
    try:
        await asyncio.wait({task, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnect
    finally:
        task.cancel()
        disconnected.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
