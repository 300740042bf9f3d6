"""Who may ask, and what a browser may do with the answer."""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanvote.serving.failures import ApiError, failure

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
    """Adds `HEADERS` to every answer, where it does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = list(message.get("headers", []))
                names = {name.lower() for name, _ in told}
                message["headers"] = told + [one for one in _HEADERS if one[0] not in names]
            await send(message)

        await self.app(scope, receive, guarded)


class AllowedHosts:
    """Refuses a request that is meant for another host.

    Else a page of another site, whose name is made to point to this machine (DNS rebinding),
    could ask as if it were of this one.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.hosts:
            return await self.app(scope, receive, send)
        host = _hostname(_header(scope, b"host"))
        if host in self.hosts:
            return await self.app(scope, receive, send)
        told = ApiError(421, f"this server is not called {host[:100]!r}")
        await failure(Request(scope), told)(scope, receive, send)


class CsrfCheck:
    """Refuses what another site's page sends: forms need no leave of CORS."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE or _of_this_site(scope):
            return await self.app(scope, receive, send)
        told = ApiError(403, "another site sent this")
        await failure(Request(scope), told)(scope, receive, send)


def _of_this_site(scope: Scope) -> bool:
    """Browsers tell it by Sec-Fetch-Site, older ones by Origin; programs tell neither."""
    site = _header(scope, b"sec-fetch-site")
    if site:
        return site in ("same-origin", "none")
    origin, host = _header(scope, b"origin"), _header(scope, b"host")
    return not origin or origin in (f"http://{host}", f"https://{host}")


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _hostname(host: str) -> str:
    """Of a Host header, without the port and the brackets of IPv6."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
