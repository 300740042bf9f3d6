"""The page: what a browser asks for, with a script or without.

    /                                   the form and the samples; POST asks, and leads to
    /results/{id}                       one scan, or all of several as a gallery
    /results/{id}/{number}              one scan of it: answer, pictures, explanation
    /results/{id}/table.csv             all scans; below …/{number}/ the downloads of one
    /model                              the card, the settings, versions and digests

The script only puts the same pages in each other's place. What draws and renders does so in a
thread, beside the loop; pictures, each of which may take seconds and gigabytes, a few at a time,
so that they take neither the memory nor the threads of the other pages.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from mimetypes import guess_type

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from scanvote.inputs.scan import RejectedFile
from scanvote.params.whole import Method
from scanvote.serving.engine_api import Engine, EngineError, Upload
from scanvote.serving.page import downloads, overlays, templating, views
from scanvote.serving.page.examining import examine, explain
from scanvote.serving.page.result_cache import CachedResult, CachedScan, ResultCache
from scanvote.serving.requests import cancel_on_disconnect
from scanvote.serving.uploads import Form, read_form

router = APIRouter(include_in_schema=False)
FORGOTTEN = "This result is no longer kept. Give the scan again to see it again."
DRAWN = 2
"""Pictures at a time."""
HEADINGS = {
    404: "There is nothing here",
    413: "That is too large",
    415: "That is no scan",
    422: "That cannot be read",
    429: "Too much is being asked",
    503: "The server cannot answer now",
}
"""Of error pages, by HTTP status."""
PRIVATE = {"Cache-Control": "no-store"}
"""No browser keeps on its disk what this server does not keep on its own."""


@router.get("/")
def form(request: Request) -> HTMLResponse:
    return page(request, "form.html")


@router.post("/")
async def answer(request: Request) -> Response:
    """Examine the files, or the sample, of the form."""
    given = await read_form(request)
    uploads = _sample(request, given) or given.uploads
    asked = await examine(request, uploads, given.refused)
    if not asked.scans and not asked.refusals:
        return page(request, "form.html", 422, problem="Choose a scan first.")
    if not asked.scans:
        status = asked.refusals[0].status
        return page(request, "form.html", status, refusals=asked.refusals)
    recent = _recent(request)
    name = recent.keep(asked)
    asyncio.get_running_loop().call_later(recent.seconds + 1, recent.evict)
    return RedirectResponse(f"/results/{name}", 303)


@router.get("/results/{name}")
def results(request: Request, name: str) -> HTMLResponse:
    """The one scan that was asked for, or a card for each of several."""
    asked = _asked(request, name)
    if len(asked.scans) == 1 and not asked.refusals:
        return _result(request, name, 0)
    cards = views.cards(asked, _engine(request).contents)
    return page(request, "gallery.html", name=name, cards=cards, refusals=asked.refusals)


@router.get("/results/{name}/table.csv")
def table(request: Request, name: str) -> Response:
    return downloads.downloaded_table(_asked(request, name), _engine(request).contents)


@router.get("/results/{name}/{number}")
def result(
    request: Request, name: str, number: int, method: Method | None = None, member: str = ""
) -> HTMLResponse:
    """All of one scan, with the explanation that was made by `method`."""
    return _result(request, name, number, method, member)


@router.post("/results/{name}/{number}")
async def explanation(request: Request, name: str, number: int) -> Response:
    """Explain the answer by the method that the form names, then show it."""
    shown = _shown(request, name, number)
    method: Method = (await read_form(request)).fields.get("method", "")  # type: ignore[assignment]
    if method not in _engine(request).contents.classifiers.explain.methods:
        raise HTTPException(422, "Choose one of the ways to explain.")
    try:
        await explain(request, shown, method)
        _recent(request).evict()
    except (RejectedFile, EngineError) as error:
        told = partial(_result, problem=str(error), status=error.status)
        return await run_in_threadpool(told, request, name, number)
    return RedirectResponse(f"/results/{name}/{number}?method={method}#explanation", 303)


@router.get("/results/{name}/{number}/scan.png")
def scan(request: Request, name: str, number: int) -> Response:
    return _png(_shown(request, name, number).examined.scan)


@router.get("/results/{name}/{number}/explanation.png")
async def heat(
    request: Request, name: str, number: int, method: Method, member: str = "vote"
) -> Response:
    """The scan under what speaks for the answer of one model."""
    explained = _shown(request, name, number).explained.get(method)
    if explained is None or member not in explained.maps:
        raise HTTPException(404, FORGOTTEN)
    draw = partial(overlays.draw_heatmap, explained.scan, explained.maps[member])
    return await _drawn(request, lambda: _png(draw()))


@router.get("/results/{name}/{number}/{file}")
async def download(request: Request, name: str, number: int, file: downloads.File) -> Response:
    """The scan's row, or its picture with the outline."""
    shown = _shown(request, name, number)
    contents = _engine(request).contents
    return await _drawn(request, lambda: downloads.download(shown, file, contents))


@router.get("/samples/{number}")
def sample(request: Request, number: int) -> Response:
    """A sample as it lies in the package."""
    samples = list(_engine(request).samples.items())
    if not 0 <= number < len(samples):
        raise HTTPException(404, "There is no such sample.")
    name, content = samples[number]
    return Response(content, media_type=guess_type(name)[0] or "application/octet-stream")


@router.get("/model")
def model(request: Request) -> HTMLResponse:
    engine = _engine(request)
    card, tables = views.card(engine.card), views.model_tables(engine.contents)
    return page(request, "model.html", card=card, tables=tables, smoke=engine.contents.smoke)


@router.get("/static/{name}")
def static(name: str) -> Response:
    """The style, the script or the icon."""
    content = templating.statics().get(name)
    if content is None:
        raise HTTPException(404, "There is no such file.")
    kind = templating.TYPES[f".{name.rpartition('.')[2]}"]
    return Response(content, media_type=kind, headers={"Cache-Control": "max-age=86400"})


def page(request: Request, template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page around the form, which every one of them offers."""
    engine = _engine(request)
    samples = views.samples(engine.samples, engine.contents.classifiers.labels)
    common = {"samples": samples, "problem": "", "refusals": ()}
    html = templating.rendered(template, path=request.url.path, **common | values)
    return HTMLResponse(html, status, PRIVATE)


def error_page(request: Request, status: int, message: str) -> HTMLResponse:
    """Of what went wrong, one sentence, and the way back."""
    html = templating.rendered(
        "error.html",
        path=request.url.path,
        status=status,
        heading=HEADINGS.get(status, "That did not work"),
        message=message,
    )
    return HTMLResponse(html, status, PRIVATE)


def token_page(request: Request, message: str = "") -> HTMLResponse:
    """Where a person gives the token that the server was started with."""
    html = templating.rendered("token.html", path=request.url.path, message=message)
    return HTMLResponse(html, 401, PRIVATE)


def _result(
    request: Request,
    name: str,
    number: int,
    method: Method | None = None,
    member: str = "",
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    asked, shown = _asked(request, name), _shown(request, name, number)
    values = views.result(shown, _engine(request).contents, method, member)
    several = len(asked.scans) + len(asked.refusals) > 1
    return page(
        request,
        "result.html",
        status,
        name=name,
        number=number,
        scans=len(asked.scans),
        several=several,
        trouble=problem,
        **values,
    )


def _sample(request: Request, given: Form) -> list[Upload]:
    """The sample that the form names, if it names one."""
    samples, chosen = _engine(request).samples, given.fields.get("sample", "")
    return [Upload(chosen, samples[chosen])] if chosen in samples else []


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def _recent(request: Request) -> ResultCache:
    recent: ResultCache = request.app.state.recent
    return recent


def _asked(request: Request, name: str) -> CachedResult:
    asked = _recent(request).get(name)
    if asked is None:
        raise HTTPException(404, FORGOTTEN)
    return asked


def _shown(request: Request, name: str, number: int) -> CachedScan:
    scans = _asked(request, name).scans
    if not 0 <= number < len(scans):
        raise HTTPException(404, FORGOTTEN)
    return scans[number]


async def _drawn(request: Request, draw: Callable[[], Response]) -> Response:
    """What `draw` gives, when it is its turn and somebody still waits for it."""
    drawing: asyncio.Semaphore = request.app.state.drawing
    await cancel_on_disconnect(request, drawing.acquire())
    try:
        return await run_in_threadpool(draw)
    finally:
        drawing.release()


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png", headers=PRIVATE)
