"""The token that a server may want to be told before it answers."""

import hashlib
import hmac
import secrets

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from scanvote.core.errors import InputError
from scanvote.serving.failures import ApiError, failure
from scanvote.serving.options import SHORTEST_TOKEN, TOKEN
from scanvote.serving.uploads import read_form

COOKIE = "scanvote"
FREE = ("/healthz", "/readyz", "/token")
STATIC = "/static/"

router = APIRouter()


def checked_token(token: str | None) -> str | None:
    """None where none is set.

    Raises:
        InputError: it is too short, or cannot stand in a header.
    """
    if token is None:
        return None
    if (
        len(token) < SHORTEST_TOKEN
        or not token.isascii()
        or not token.isprintable()
        or " " in token
    ):
        raise InputError(
            f"{TOKEN} should be {SHORTEST_TOKEN} or more ASCII signs without spaces, such as"
            " `openssl rand -hex 16` prints"
        )
    return token


class TokenAuth:
    """Knows whether a request tells the token.

    A browser is given a cookie that proves that it told the token, and is not the token; it
    holds as long as the server runs.
    """

    def __init__(self, token: str) -> None:
        self.token = token.encode()
        self.cookie = hmac.new(secrets.token_bytes(32), self.token, hashlib.sha256).hexdigest()

    def matches(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token)

    def authorises(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.matches(token.strip())
        cookie = request.cookies.get(COOKIE, "")
        return hmac.compare_digest(cookie.encode(), self.cookie.encode())


class AuthMiddleware:
    """Refuses a request that does not tell the token."""

    def __init__(self, app: ASGIApp, guard: TokenAuth) -> None:
        self.app, self.guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or _is_free(scope["path"])
            or self.guard.authorises(Request(scope))
        ):
            return await self.app(scope, receive, send)
        told = ApiError(
            401, "tell the token: Authorization: Bearer …", headers={"WWW-Authenticate": "Bearer"}
        )
        await failure(Request(scope), told)(scope, receive, send)


def _is_free(path: str) -> bool:
    return path in FREE or path.startswith(STATIC)


@router.post("/token", include_in_schema=False)
async def login(request: Request) -> Response:
    """Take the token that is told on the page, and remember the browser."""
    from scanvote.serving.page.pages import token_page

    guard: TokenAuth | None = request.app.state.guard
    form = await read_form(request)
    if guard is None:
        return RedirectResponse("/", 303)
    if not guard.matches(form.fields.get("token", "")):
        page = token_page(request, "This is not the token.")
        page.status_code = 401
        return page
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, guard.cookie, httponly=True, samesite="strict", secure=secure)
    return answer
