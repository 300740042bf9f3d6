"""Routes of the page, for browsers with or without scripts.

    /                                   form and samples; POST predicts, and redirects to
    /results/{id}                       one scan, or a gallery of several
    /results/{id}/{number}              one scan of it: answer, pictures, explanation
    /results/{id}/table.csv             table of all scans; …/{number}/ has the downloads of one
    /model                              model card, settings, versions and digests

The script only shows the same pages in place of each other. Drawing and rendering run in threads
beside the event loop; only a few pictures are drawn at a time, because each may take seconds and
gigabytes, and the other pages need memory and threads, too.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from mimetypes import guess_type
from typing import cast

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from scanvote.inputs.scan import RejectedFile
from scanvote.params.whole import Method
from scanvote.serving.engine_api import EngineError, Upload
from scanvote.serving.page import downloads, overlays, templating, views
from scanvote.serving.page.result_cache import CachedResult, CachedScan, ResultCache
from scanvote.serving.page.templating import engine_of, page, root_path
from scanvote.serving.page.texts import model_warnings
from scanvote.serving.requests import cancel_on_disconnect, run_request
from scanvote.serving.uploads import Form, read_form

router = APIRouter(include_in_schema=False)
FORGOTTEN = "This result is no longer kept. Give the scan again to see it again."
DRAWN = 2
"""Maximum number of pictures drawn at a time."""


@router.get("/")
def form(request: Request) -> HTMLResponse:
    return page(request, "form.html")


@router.post("/")
async def answer(request: Request) -> Response:
    """Examine the files, or the sample, of the form."""
    form = await read_form(request)
    uploads = _sample(request, form) or form.uploads
    answered = await run_request(request, uploads)
    scans = [
        CachedScan(upload, place, examined)
        for upload, answer in zip(uploads, answered.answers, strict=True)
        if isinstance(answer, list)
        for place, examined in enumerate(answer)
    ]
    refusals = (*form.refused, *answered.refused)
    if not scans and not refusals:
        return page(request, "form.html", 422, problem="Choose a scan first.")
    if not scans:
        return page(request, "form.html", refusals[0].status, refusals=refusals)
    cache = _cache(request)
    name = cache.keep(CachedResult(tuple(scans), refusals))
    asyncio.get_running_loop().call_later(cache.seconds + 1, cache.evict)
    return RedirectResponse(f"{root_path(request)}/results/{name}", 303)


@router.get("/results/{name}")
def results(request: Request, name: str) -> HTMLResponse:
    """Show the only scan of a request, or a gallery of several."""
    result = _cached_result(request, name)
    if len(result.scans) == 1 and not result.refusals:
        return _result_page(request, name, 0)
    contents = engine_of(request).contents
    return page(
        request,
        "gallery.html",
        name=name,
        cards=views.cards(result, contents),
        warnings=model_warnings(contents),
        refusals=result.refusals,
    )


@router.get("/results/{name}/table.csv")
def table(request: Request, name: str) -> Response:
    return downloads.downloaded_table(_cached_result(request, name), engine_of(request).contents)


@router.get("/results/{name}/{number}")
def result(
    request: Request, name: str, number: int, method: Method | None = None, member: str = ""
) -> HTMLResponse:
    """Show one scan, with its explanation by `method` if there is one."""
    return _result_page(request, name, number, method, member)


@router.post("/results/{name}/{number}")
async def explanation(request: Request, name: str, number: int) -> Response:
    """Explain the prediction by the form's method, if not done yet, and show the explanation."""
    scan, engine = _cached_scan(request, name, number), engine_of(request)
    wanted = (await read_form(request)).fields.get("method")
    method = next((one for one in engine.methods if one == wanted), None)
    if method is None:
        raise HTTPException(422, "Choose one of the explanation methods that the page offers.")
    try:
        if method not in scan.explained:
            work = engine.explain(scan.upload, method, scan.place)
            scan.explained[method] = await cancel_on_disconnect(request, work)
            _cache(request).evict()
    except (RejectedFile, EngineError) as error:
        render = partial(_result_page, problem=str(error), status=error.status)
        return await run_in_threadpool(render, request, name, number)
    address = f"{root_path(request)}/results/{name}/{number}?method={method}#explanation"
    return RedirectResponse(address, 303)


@router.get("/results/{name}/{number}/scan.png")
def scan(request: Request, name: str, number: int) -> Response:
    return _png(_cached_scan(request, name, number).examined.scan)


@router.get("/results/{name}/{number}/explanation.png")
async def heat(
    request: Request, name: str, number: int, method: Method, member: str = "vote"
) -> Response:
    """Draw the attribution map of one model over the scan."""
    explained = _cached_scan(request, name, number).explained.get(method)
    if explained is None or member not in explained.maps:
        raise HTTPException(404, FORGOTTEN)
    pictures = explained.scan, explained.maps[member]
    return await _draw(request, lambda: _png(overlays.draw_heatmap(*pictures)))


@router.get("/results/{name}/{number}/{file}")
async def download(request: Request, name: str, number: int, file: downloads.File) -> Response:
    """Return the scan's row as CSV, or its picture with the outline."""
    scan = _cached_scan(request, name, number)
    return await _draw(request, lambda: downloads.download(scan, file, engine_of(request).contents))


@router.get("/samples/{number}")
def sample(request: Request, number: int) -> Response:
    """Return a sample unchanged from the package."""
    samples = list(engine_of(request).samples.items())
    if not 0 <= number < len(samples):
        raise HTTPException(404, "There is no such sample.")
    name, content = samples[number]
    return Response(content, media_type=guess_type(name)[0] or "application/octet-stream")


@router.get("/model")
def model(request: Request) -> HTMLResponse:
    engine = engine_of(request)
    card, tables = views.card(engine.card), views.model_tables(engine)
    warnings = model_warnings(engine.contents)
    return page(request, "model.html", card=card, tables=tables, warnings=warnings)


@router.get("/docs")
def documentation(request: Request) -> HTMLResponse:
    """Show Swagger UI, with a form to try each operation of the REST interface."""
    return page(request, "api.html", token=request.app.state.auth is not None)


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Return a style sheet, a script or the icon."""
    content = templating.statics().get(name)
    if content is None:
        raise HTTPException(404, "There is no such file.")
    kind = templating.TYPES[f".{name.rpartition('.')[2]}"]
    return Response(content, media_type=kind, headers={"Cache-Control": "max-age=86400"})


def _result_page(
    request: Request,
    name: str,
    number: int,
    method: Method | None = None,
    member: str = "",
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    result, scan = _cached_result(request, name), _cached_scan(request, name, number)
    engine = engine_of(request)
    return page(
        request,
        "result.html",
        status,
        name=name,
        number=number,
        scans=len(result.scans),
        several=len(result.scans) + len(result.refusals) > 1,
        methods=engine.methods,
        problem=problem,
        **views.result(scan, engine, method, member),
    )


def _sample(request: Request, form: Form) -> list[Upload]:
    """Return the sample that the form names; empty if it names none."""
    samples, name = engine_of(request).samples, form.fields.get("sample", "")
    return [Upload(name, samples[name])] if name in samples else []


def _cache(request: Request) -> ResultCache:
    return cast(ResultCache, request.app.state.recent)


def _cached_result(request: Request, name: str) -> CachedResult:
    result = _cache(request).get(name)
    if result is None:
        raise HTTPException(404, FORGOTTEN)
    return result


def _cached_scan(request: Request, name: str, number: int) -> CachedScan:
    scans = _cached_result(request, name).scans
    if not 0 <= number < len(scans):
        raise HTTPException(404, FORGOTTEN)
    return scans[number]


async def _draw(request: Request, draw: Callable[[], Response]) -> Response:
    """Run `draw` in a thread once a slot is free.

    Raises:
        ClientDisconnect: the client has disconnected while it waited for a slot.
    """
    slots: asyncio.Semaphore = request.app.state.drawing_slots
    await cancel_on_disconnect(request, slots.acquire())
    try:
        return await run_in_threadpool(draw)
    finally:
        slots.release()


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png")
