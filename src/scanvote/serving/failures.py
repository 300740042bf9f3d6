"""How a request fails: one form for programs, a page for people, and never a traceback."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanvote.inputs.scan import RejectedFile
from scanvote.predict.schema import FileError
from scanvote.serving.engine_api import EngineError

RETRY = {"Retry-After": "2"}
PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics", "/openapi.json")
"""Paths that people do not look at."""


class ErrorResponse(BaseModel):
    """Why nothing is said of what was asked."""

    model_config = ConfigDict(extra="forbid")

    detail: str = Field(examples=["scan.txt is no image of a format that is taken"])
    refused: list[FileError] = Field(
        default=[], description="file by file, where files were asked of"
    )


class ApiError(HTTPException):
    """A request that fails with `status`; `refused` are its files, where it had some."""

    def __init__(
        self,
        status: int,
        detail: str,
        refused: Sequence[FileError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        retry = RETRY if status in (429, 503) else {}
        super().__init__(status, detail, {**retry, **(headers or {})})
        self.refused = list(refused)


def api_error(refused: Sequence[FileError]) -> ApiError:
    """None of the files was answered: the first one tells the status."""
    return ApiError(refused[0].status, refused[0].reason, refused)


def failure(request: Request, failed: HTTPException) -> Response:
    """The answer: JSON for programs, a page for browsers."""
    if not request.url.path.startswith(PROGRAMS):
        return _page(request, failed)
    refused = failed.refused if isinstance(failed, ApiError) else []
    body = ErrorResponse(detail=failed.detail, refused=refused).model_dump()
    return JSONResponse(body, failed.status_code, headers=failed.headers)


def _page(request: Request, failed: HTTPException) -> Response:
    from scanvote.serving.page.pages import error_page, token_page

    if failed.status_code == HTTPStatus.UNAUTHORIZED:
        page = token_page(request)
        page.status_code = failed.status_code
    else:
        page = error_page(request, failed.status_code, failed.detail)
    page.headers.update(failed.headers or {})
    return page


def handle_failures(app: FastAPI) -> None:
    """Every exception that is no bug becomes an answer."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RejectedFile, _refused)
    app.add_exception_handler(EngineError, _unserved)
    app.add_exception_handler(ClientDisconnect, _gone)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return failure(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    told = "; ".join(
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
    )
    return failure(request, ApiError(422, told[:500]))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RejectedFile)
    return failure(request, ApiError(error.status, str(error)))


async def _unserved(request: Request, error: Exception) -> Response:
    assert isinstance(error, EngineError)
    return failure(request, ApiError(error.status, str(error)))


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


class InternalErrorMiddleware:
    """What no handler knows is a bug: logged here, and told as such without any detail."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noticed(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noticed)
        except Exception:
            if scope["type"] != "http" or begun:
                raise
            logging.getLogger(__name__).exception("a request failed by a bug")
            told = ErrorResponse(detail="the server failed; its log tells why")
            await JSONResponse(told.model_dump(), 500)(scope, receive, send)
