"""Token authentication: a header from programs, a cookie from browsers."""

import hashlib
import hmac
import secrets

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from scanvote.core.errors import InputError
from scanvote.serving.failures import failure
from scanvote.serving.http_errors import ApiError
from scanvote.serving.options import SHORTEST_TOKEN, TOKEN, ServeOptions
from scanvote.serving.security import HEALTH
from scanvote.serving.uploads import read_form

COOKIE = "scanvote"
FREE = (*HEALTH, "/token")
STATIC = "/static/"

router = APIRouter()


def checked_token(token: str | None) -> str | None:
    """Return the token, or None if none is set, after checking it.

    Raises:
        InputError: the token is too short, or cannot be sent in a header.
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
            f"{TOKEN} should be {SHORTEST_TOKEN} or more ASCII characters without spaces, such as"
            " `openssl rand -hex 16` prints"
        )
    return token


class TokenAuth:
    """Check the token of requests.

    A browser that has sent the token gets a cookie that proves it without containing the token.
    The cookie is valid as long as the server runs.
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
    """Reject requests without the token."""

    def __init__(self, app: ASGIApp, auth: TokenAuth) -> None:
        self.app, self.auth = app, auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or _is_public(scope["method"], scope["path"])
            or self.auth.authorises(Request(scope))
        ):
            return await self.app(scope, receive, send)
        error = ApiError(
            401, "send the token: Authorization: Bearer …", headers={"WWW-Authenticate": "Bearer"}
        )
        await failure(Request(scope), error)(scope, receive, send)


def _is_public(method: str, path: str) -> bool:
    return path in FREE or path.startswith(STATIC) or (method, path) == ("OPTIONS", "/")


@router.post("/token", include_in_schema=False)
async def login(request: Request) -> Response:
    """Check the token typed on the page, and set the browser's cookie."""
    from scanvote.serving.page.pages import token_page

    auth: TokenAuth | None = request.app.state.auth
    options: ServeOptions = request.app.state.options
    form = await read_form(request)
    start = f"{options.root_path}/"
    if auth is None:
        return RedirectResponse(start, 303)
    if not auth.matches(form.fields.get("token", "")):
        page = token_page(request, "This is not the token.")
        page.status_code = 401
        return page
    response = RedirectResponse(start, 303)
    # behind a proxy the request comes by HTTP; browsers name the scheme of the page in Origin
    origin = request.headers.get("origin", request.url.scheme)
    response.set_cookie(
        COOKIE,
        auth.cookie,
        path=start,
        httponly=True,
        samesite="strict",
        secure=origin.startswith("https"),
    )
    return response
