"""The REST interface: the answers of the shell, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from scanvote.inputs.formats import TAKEN
from scanvote.params.whole import Method
from scanvote.serving.engine_api import Engine
from scanvote.serving.failures import ApiError, ErrorResponse, api_error
from scanvote.serving.requests import cancel_on_disconnect, run_request
from scanvote.serving.rest.answers import (
    Explanation,
    Predicted,
    Served,
    explanation,
    predicted,
    served,
)
from scanvote.serving.uploads import FILES, Form, read_form

PNG = "image/png"

_REASONS = {
    400: ("the form is malformed", []),
    401: ("tell the token: Authorization: Bearer …", []),
    403: ("another site sent this", []),
    408: ("the request came too slowly", []),
    413: ("scan.png is larger than 32 MiB", [("scan.png", 413)]),
    415: ("notes.txt is no image of a format that is taken", [("notes.txt", 415)]),
    421: ("this server is not called example.org", []),
    422: ("scan.png is cut off", [("scan.png", 422)]),
    429: ("the server is busy; ask again in a few seconds", [("scan.png", 429)]),
    503: ("the model is not loaded yet", []),
}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How a route may fail, for the description of the interface, each with an example."""
    return {status: _failure(status) for status in statuses}


def _failure(status: int) -> dict[str, Any]:
    detail, files = _REASONS[status]
    refused = [{"file": file, "status": status, "reason": detail} for file, status in files]
    example = {"detail": detail, "refused": refused}
    content = {"application/json": {"example": example}}
    return {"model": ErrorResponse, "description": detail, "content": content}


_GUARDED = (401, 421)
_SENT = (400, 401, 403, 408, 413, 415, 421, 422, 429, 503)


def _form(most: int | None) -> dict[str, Any]:
    """The body of a request: up to so many files, None: as many as the server takes."""
    file = {"type": "string", "format": "binary", "description": TAKEN}
    files = {"type": "array", "items": file, "minItems": 1} | ({"maxItems": most} if most else {})
    form = {
        "type": "object",
        "required": [FILES],
        "properties": {FILES: files},
        "additionalProperties": False,
    }
    content = {"multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


router = APIRouter(prefix="/api/v1", tags=["scans"])


@router.post(
    "/predict", response_model=Predicted, responses=failures(*_SENT), openapi_extra=_form(None)
)
async def predict(
    request: Request,
    masks: Annotated[bool, Query(description="with the mask of each scan, as PNG")] = False,
) -> Response:
    """Say what is seen on one or several scans.

    Files that cannot be answered stand in `refused`; only if none can, the request fails.
    """
    form = await _files(request)
    asked = await run_request(request, form.uploads, pictures=masks)
    refused = form.refused + asked.refused
    if not asked.examined:
        raise api_error(refused)
    engine: Engine = request.app.state.engine
    answer = predicted(engine.contents, asked.examined, refused, masks)
    return _json(answer.model_dump_json())


@router.post(
    "/explain",
    response_model=Explanation,
    responses={200: {"content": {PNG: {}}}, **failures(*_SENT)},
    openapi_extra=_form(1),
)
async def explain(
    request: Request,
    method: Annotated[Method | None, Query(description="by default the model's first")] = None,
    finding: Annotated[
        int, Query(ge=0, le=10_000, description="which of the file's findings, from 0")
    ] = 0,
) -> Response:
    """Say where on a scan lies what speaks for its class.

    With `Accept: image/png` it is the map of the vote alone.
    """
    form = await _files(request)
    if form.refused:
        raise api_error(form.refused)
    if len(form.uploads) > 1:
        raise ApiError(422, "send one file to have it explained")
    engine: Engine = request.app.state.engine
    upload, chosen = form.uploads[0], method or engine.contents.classifiers.explain.methods[0]
    explained = await cancel_on_disconnect(request, engine.explain(upload, chosen, finding))
    if request.headers.get("accept") == PNG:
        return Response(explained.maps["vote"], media_type=PNG)
    return _json(explanation(engine.contents, explained, upload.name, finding).model_dump_json())


@router.get("/model", responses=failures(*_GUARDED))
async def model(request: Request) -> Served:
    """The model that is served, its card, and what it may be sent."""
    return served(request.app.state.engine, request.app.state.options)


async def _files(request: Request) -> Form:
    form = await read_form(request)
    if form.fields:
        raise ApiError(422, f"the form may have the field {FILES!r} only")
    if not form.uploads and not form.refused:
        raise ApiError(422, f"the form has no file in the field {FILES!r}")
    return form


def _json(body: str) -> Response:
    return Response(body, media_type="application/json")
