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
from scanvote.serving.page.pages import error_page, token_page

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
        page.status_code = error.status_code
    else:
        page = error_page(request, error.status_code, error.detail)
    page.headers.update(error.headers or {})
    return page


def handle_failures(app: FastAPI) -> None:
    """Register handlers that turn every expected exception into an error response."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RejectedFile, _rejected)
    app.add_exception_handler(EngineError, _engine_error)
    app.add_exception_handler(ClientDisconnect, _disconnected)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return failure(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    detail = "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    )
    return failure(request, ApiError(422, detail[:500]))


async def _rejected(request: Request, error: Exception) -> Response:
    assert isinstance(error, RejectedFile)
    return failure(request, ApiError(error.status, str(error)))


async def _engine_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, EngineError)
    return failure(request, ApiError(error.status, str(error)))


async def _disconnected(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # the client is gone: nobody reads it


class InternalErrorMiddleware:
    """Log unhandled exceptions, which are bugs, and answer 500 without details."""

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
        except Exception:
            if scope["type"] != "http" or started:
                raise
            logging.getLogger(__name__).exception("a request failed by a bug")
            body = ErrorResponse(detail="the server failed; its log tells why")
            await JSONResponse(body.model_dump(), 500)(scope, receive, send)
