"""Security headers, allowed hosts, and protection against cross-site requests."""

from collections.abc import Callable, Collection, Sequence

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanvote.serving.http_errors import ApiError
from scanvote.serving.names import hostname

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # not no-referrer: with it browsers send "Origin: null" along with the page's own forms
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
SAFE = {"GET", "HEAD", "OPTIONS"}
HEALTH = ("/healthz", "/readyz")


class SecurityHeaders:
    """Add `HEADERS` to every response that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class Checks:
    """Pass on requests for which no check raises an ApiError."""

    def __init__(self, app: ASGIApp, checks: Sequence[Callable[[Request], None]]) -> None:
        self.app, self.checks = app, checks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for check in self.checks:
                check(Request(scope))
        await self.app(scope, receive, send)


def check_host(request: Request, hosts: Collection[str]) -> None:
    """Reject a request whose Host header names another host.

    Otherwise a page of another site, whose name is made to resolve to this machine (DNS
    rebinding), could send requests as if it came from this server. Browsers always send a Host; a
    check of health by HTTP/1.0 may send none, as that of HAProxy, and is answered.
    """
    host = hostname(request.headers.get("host", ""))
    hostless = "host" not in request.headers and request.scope["http_version"] == "1.0"
    if host in hosts or (hostless and is_health_check(request)):
        return
    raise ApiError(
        421,
        f"this server is not called {host[:100]!r}; if it is, start it with `scanvote serve"
        " --name` and that name",
    )


def check_site(request: Request, origins: Collection[str]) -> None:
    """Reject a form sent by a page of another site; CORS allows it.

    Browsers send Sec-Fetch-Site, but by plain HTTP only to the machine itself; they and older
    ones send Origin; programs send neither.
    """
    site, origin = (request.headers.get(name, "") for name in ("sec-fetch-site", "origin"))
    host = request.headers.get("host", "")
    if request.method in SAFE or site in ("same-origin", "none"):
        return
    if site:
        raise ApiError(403, "another site sent this")
    if origin and origin not in (f"http://{host}", f"https://{host}", *origins):
        raise ApiError(
            403,
            f"another site sent this, {origin[:100]!r}; if that is this server behind a proxy,"
            " start it with `scanvote serve --name` and that name, with its port if it has one",
        )


def is_health_check(request: Request) -> bool:
    """Return whether it asks for the health of the server; HAProxy does so by OPTIONS."""
    path = request.scope["path"]
    return path in HEALTH or (request.method, path) == ("OPTIONS", "/")
