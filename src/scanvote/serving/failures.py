"""Error responses: JSON for programs, a page for people, never a traceback."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanvote.inputs.scan import RejectedFile
from scanvote.serving.engine_api import EngineError
from scanvote.serving.http_errors import ApiError, ErrorResponse
from scanvote.serving.page.templating import error_page, token_page

PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics", "/openapi.json")
"""Path prefixes whose errors are JSON, because people do not look at them."""


def failure(request: Request, error: HTTPException) -> Response:
    """Return the error response: JSON for programs, a page for browsers."""
    if not request.scope["path"].startswith(PROGRAMS):
        return _page(request, error)
    refused = error.refused if isinstance(error, ApiError) else []
    body = ErrorResponse(detail=error.detail, refused=refused).model_dump()
    return JSONResponse(body, error.status_code, headers=error.headers)


def _page(request: Request, error: HTTPException) -> Response:
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        page = token_page(request)
    else:
        page = error_page(request, error.status_code, error.detail)
    page.headers.update(error.headers or {})
    return page


def handle_failures(app: FastAPI) -> None:
    """Register the handler that turns every expected exception into an error response."""
    for kind in (HTTPException, RequestValidationError, RejectedFile, EngineError):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)


async def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, RejectedFile | EngineError):
        error = ApiError(error.status, str(error))
    elif isinstance(error, RequestValidationError):
        items = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        error = ApiError(422, "; ".join(items)[:500])
    assert isinstance(error, HTTPException)
    return failure(request, error)


async def _answer_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # the client is gone


class FailureMiddleware:
    """Answer the errors of middleware, and 500 to bugs, which are logged and not told."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            await _of_middleware(Request(scope), error)(scope, receive, send)


def _of_middleware(request: Request, error: Exception) -> Response:
    if isinstance(error, ApiError):
        return failure(request, error)
    logging.getLogger(__name__).error("a request failed by a bug", exc_info=error)
    body = ErrorResponse(detail="the server failed; its log tells why")
    return JSONResponse(body.model_dump(), 500)
