"""What a request of the page asks of the engine, and what of it is kept."""

from collections.abc import Sequence

from fastapi import Request

from scanvote.params.whole import Method
from scanvote.predict.schema import FileError
from scanvote.serving.engine_api import Engine, Explained, Upload
from scanvote.serving.page.result_cache import CachedResult, CachedScan
from scanvote.serving.requests import cancel_on_disconnect, run_request


async def examine(
    request: Request, uploads: Sequence[Upload], refused: Sequence[FileError]
) -> CachedResult:
    """What is said of all scans of all files; a file that is not served is refused with why.

    Args:
        request: whose client waits for it.
        uploads: files that are taken in, as far as is known.
        refused: files that came with them, and are not.

    Raises:
        ClientDisconnect: nobody waits any longer.
    """
    answered = await run_request(request, uploads)
    scans = [
        CachedScan(upload, place, examined)
        for upload, answer in zip(uploads, answered.answers, strict=True)
        if not isinstance(answer, FileError)
        for place, examined in enumerate(answer)
    ]
    return CachedResult(tuple(scans), (*refused, *answered.refused))


async def explain(request: Request, shown: CachedScan, method: Method) -> Explained:
    """What speaks for the answer, kept with it: asked for again it costs nothing.

    Raises:
        Refused: the method serves no member.
        Unserved: the server could not do it.
        ClientDisconnect: nobody waits any longer.
    """
    engine: Engine = request.app.state.engine
    if method not in shown.explained:
        asking = engine.explain(shown.upload, method, shown.place)
        shown.explained[method] = await cancel_on_disconnect(request, asking)
    return shown.explained[method]
