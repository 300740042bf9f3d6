"""Asking the engine for the files of a request, as long as somebody waits for the answer."""

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
"""Files of one request that the engine has: who sends many large ones holds up others less."""


@dataclass(frozen=True)
class RequestResult:
    """What is said of the files of a request, or why nothing is, file by file."""

    answers: list[list[Examined] | FileError]

    @property
    def examined(self) -> list[Examined]:
        return [one for said in self.answers if not isinstance(said, FileError) for one in said]

    @property
    def refused(self) -> list[FileError]:
        return [said for said in self.answers if isinstance(said, FileError)]


async def run_request(
    request: Request, uploads: Sequence[Upload], pictures: bool = True
) -> RequestResult:
    """Of all files at once; what is true of one of them leaves the others alone.

    Args:
        request: that was sent, its body read.
        uploads: its files.
        pictures: as `Engine.predict` takes it.

    Raises:
        ClientDisconnect: whoever asked has gone; what was not begun is taken back.
    """
    engine: Engine = request.app.state.engine
    metrics: Metrics = request.app.state.metrics
    asked = RequestResult(await cancel_on_disconnect(request, _all(engine, uploads, pictures)))
    metrics.count_files(asked.examined, asked.refused)
    return asked


async def _all(
    engine: Engine, uploads: Sequence[Upload], pictures: bool
) -> list[list[Examined] | FileError]:
    # as a task: a bare gather that is cancelled and not awaited logs a traceback
    turn = asyncio.Semaphore(AT_ONCE)
    return await asyncio.gather(*(_one(engine, upload, pictures, turn) for upload in uploads))


async def _one(
    engine: Engine, upload: Upload, pictures: bool, turn: asyncio.Semaphore
) -> list[Examined] | FileError:
    try:
        async with turn:
            return await engine.predict(upload, pictures)
    except (RejectedFile, EngineError) as error:
        return FileError(file=upload.name, status=error.status, reason=str(error))


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client goes away.

    The body of the request has to be read before.
    """
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
