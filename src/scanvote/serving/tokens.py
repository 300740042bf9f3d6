"""Token authentication: a header from programs, a cookie from browsers."""

import hashlib
import hmac
import re
import secrets

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from scanvote.core.errors import InputError
from scanvote.serving.http_errors import ApiError
from scanvote.serving.options import SHORTEST_TOKEN, TOKEN, ServeOptions
from scanvote.serving.page.templating import token_page
from scanvote.serving.security import is_health_check
from scanvote.serving.uploads import read_form

COOKIE = "scanvote"
LOGIN, STATIC = "/token", "/static/"

router = APIRouter()


def checked_token(token: str | None) -> str | None:
    """Return the token, or None if none is set, after checking it.

    Raises:
        InputError: the token is too short, or cannot be sent in a header.
    """
    if token is not None and not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},}}", token):
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

    def check(self, request: Request) -> None:
        """Reject a request without the token, unless it is for a public address."""
        path = request.scope["path"]
        public = path == LOGIN or path.startswith(STATIC) or is_health_check(request)
        if not public and not self._authorises(request):
            raise ApiError(
                401,
                "send the token: Authorization: Bearer …",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _authorises(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.matches(token.strip())
        cookie = request.cookies.get(COOKIE, "")
        return hmac.compare_digest(cookie.encode(), self.cookie.encode())


@router.post(LOGIN, include_in_schema=False)
async def login(request: Request) -> Response:
    """Check the token typed on the page, and set the browser's cookie."""
    auth: TokenAuth | None = request.app.state.auth
    options: ServeOptions = request.app.state.options
    form = await read_form(request)
    start = f"{options.root_path}/"
    if auth is None:
        return RedirectResponse(start, 303)
    if not auth.matches(form.fields.get("token", "")):
        return token_page(request, "This is not the token.")
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
