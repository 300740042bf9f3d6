"""The REST interface: the results of the command line, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from scanvote.inputs.formats import TAKEN
from scanvote.params.whole import Method
from scanvote.pipeline.package.runtime import NO_KERAS
from scanvote.predict.predictor import NO_MASKS, NO_VOTE
from scanvote.predict.schema import FileError
from scanvote.serving.engine_api import Engine
from scanvote.serving.http_errors import ApiError, ErrorResponse, api_error
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
    400: "the form is malformed",
    401: "send the token: Authorization: Bearer …",
    403: "another site sent this",
    408: "the request came too slowly",
    413: "scan.png is larger than 32 MiB",
    415: "scan.png is no image of a format that is taken",
    421: "this server is not called 'example.org'; if it is, start it with `scanvote serve --name`"
    " and that name",
    422: "scan.png is cut off",
    429: "the server is busy; ask again in a few seconds",
    503: "the model is not loaded yet",
}
"""An error of each status, as an example."""


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe a route's error responses for OpenAPI, each with an example."""
    return {status: _failure(status) for status in statuses}


def _failure(status: int) -> dict[str, Any]:
    detail, refused = _REASONS[status], list[FileError]()
    if status in (413, 415, 422, 429):
        refused.append(FileError(file="scan.png", status=status, reason=detail))
    example = ErrorResponse(detail=detail, refused=refused).model_dump()
    content = {"application/json": {"example": example}}
    return {"model": ErrorResponse, "description": detail, "content": content}


_GUARDED = (401, 421)
_SENT = (400, 401, 403, 408, 413, 415, 421, 422, 429, 503)


def _form(max_files: int | None) -> dict[str, Any]:
    """Describe a body with up to `max_files` files; None: the server's limit."""
    file = {"type": "string", "format": "binary", "description": TAKEN}
    files: dict[str, Any] = {"type": "array", "items": file, "minItems": 1}
    if max_files is not None:
        files["maxItems"] = max_files
    form: dict[str, Any] = {"type": "object", "required": [FILES], "properties": {FILES: files}}
    form["additionalProperties"] = False
    content = {"multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


router = APIRouter(prefix="/api/v1", tags=["scans"])


@router.post(
    "/predict", response_model=Predicted, responses=failures(*_SENT), openapi_extra=_form(None)
)
async def predict(
    request: Request,
    masks: Annotated[bool, Query(description="include the mask of each scan as PNG")] = False,
) -> Response:
    """Predict class and tumour mask of one or several scans.

    A model of a study without masks, or without classes, leaves their fields null or empty.
    Files without a prediction are listed in `refused`; the request fails only if no file has one.
    """
    engine: Engine = request.app.state.engine
    if masks and engine.contents.segmenters is None:
        raise ApiError(422, NO_MASKS)
    form = await _files(request)
    result = await run_request(request, form.uploads, pictures=masks)
    refused = form.refused + result.refused
    if not result.examined:
        raise api_error(refused)
    body = predicted(engine, result.examined, refused, masks)
    return _json(body.model_dump_json())


@router.post(
    "/explain",
    response_model=Explanation,
    responses={200: {"content": {PNG: {}}}, **failures(*_SENT)},
    openapi_extra=_form(1),
)
async def explain(
    request: Request,
    method: Annotated[
        Method | None, Query(description="default: the first that the server can compute")
    ] = None,
    finding: Annotated[
        int, Query(ge=0, le=10_000, description="index of the file's finding, from 0")
    ] = 0,
) -> Response:
    """Return attribution maps for the predicted class of a scan.

    With `Accept: image/png` only the map of the vote is returned.
    """
    engine: Engine = request.app.state.engine
    if engine.contents.classifiers is None:
        raise ApiError(422, NO_VOTE)
    chosen = method or next(iter(engine.methods), None)
    if chosen is None:
        raise ApiError(422, f"the model's explanation needs Keras for gradients: {NO_KERAS}")
    form = await _files(request)
    if form.refused:
        raise api_error(form.refused)
    if len(form.uploads) > 1:
        raise ApiError(422, "send one file to have it explained")
    upload = form.uploads[0]
    explained = await cancel_on_disconnect(request, engine.explain(upload, chosen, finding))
    if request.headers.get("accept") == PNG:
        return Response(explained.maps["vote"], media_type=PNG)
    return _json(explanation(engine, explained, upload.name, finding).model_dump_json())


@router.get("/model", responses=failures(*_GUARDED))
async def model(request: Request) -> Served:
    """Return the served model, its card, and the limits of a request."""
    return served(request.app.state.engine, request.app.state.options)


async def _files(request: Request) -> Form:
    form = await read_form(request)
    if form.fields or not (form.uploads or form.refused):
        raise ApiError(422, f"send files, each with its name, in the field {FILES!r} and no other")
    return form


def _json(body: str) -> Response:
    return Response(body, media_type="application/json")
