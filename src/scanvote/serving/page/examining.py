"""Predictions and explanations for the page, with results to cache."""

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
    """Predict all scans of all files.

    A file that fails is listed as refused, with the reason.

    Args:
        request: the request; its client waits for the result.
        uploads: files that the form accepted.
        refused: files that the form refused.

    Raises:
        ClientDisconnect: the client has disconnected.
    """
    answered = await run_request(request, uploads)
    scans = [
        CachedScan(upload, place, examined)
        for upload, answer in zip(uploads, answered.answers, strict=True)
        if not isinstance(answer, FileError)
        for place, examined in enumerate(answer)
    ]
    return CachedResult(tuple(scans), (*refused, *answered.refused))


async def explain(request: Request, scan: CachedScan, method: Method) -> Explained:
    """Explain a prediction, and keep the explanation with the scan.

    Another call with the same method returns the kept explanation.

    Raises:
        RejectedFile: no member supports the method.
        EngineError: the engine could not serve the request.
        ClientDisconnect: the client has disconnected.
    """
    engine: Engine = request.app.state.engine
    if method not in scan.explained:
        work = engine.explain(scan.upload, method, scan.place)
        scan.explained[method] = await cancel_on_disconnect(request, work)
    return scan.explained[method]
