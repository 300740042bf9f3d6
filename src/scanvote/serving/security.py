"""Security headers, allowed hosts, and protection against cross-site requests."""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanvote.serving.failures import failure
from scanvote.serving.http_errors import ApiError

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
_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
SAFE = {"GET", "HEAD", "OPTIONS"}


class SecurityHeaders:
    """Add `HEADERS` to every response that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                names = {name.lower() for name, _ in headers}
                message["headers"] = headers + [one for one in _HEADERS if one[0] not in names]
            await send(message)

        await self.app(scope, receive, send_with_headers)


class AllowedHosts:
    """Reject requests whose Host header names another host.

    Otherwise a page of another site, whose name is made to resolve to this machine (DNS
    rebinding), could send requests as if it came from this server.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.hosts:
            return await self.app(scope, receive, send)
        host = _hostname(_header(scope, b"host"))
        if host in self.hosts:
            return await self.app(scope, receive, send)
        error = ApiError(421, f"this server is not called {host[:100]!r}")
        await failure(Request(scope), error)(scope, receive, send)


class CsrfCheck:
    """Reject forms sent by a page of another site; CORS allows them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE or _is_same_site(scope):
            return await self.app(scope, receive, send)
        error = ApiError(403, "another site sent this")
        await failure(Request(scope), error)(scope, receive, send)


def _is_same_site(scope: Scope) -> bool:
    """Return whether this site or a program sent the request.

    Browsers send Sec-Fetch-Site, older ones Origin; programs send neither.
    """
    site = _header(scope, b"sec-fetch-site")
    if site:
        return site in ("same-origin", "none")
    origin, host = _header(scope, b"origin"), _header(scope, b"host")
    return not origin or origin in (f"http://{host}", f"https://{host}")


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _hostname(host: str) -> str:
    """Return the host of a Host header without port and IPv6 brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
