"""Security headers, allowed hosts, and protection against cross-site requests."""

from collections.abc import Iterable

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanvote.serving.failures import failure
from scanvote.serving.http_errors import ApiError
from scanvote.serving.names import hostname, origins

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
HEALTH = ("/healthz", "/readyz")


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
    rebinding), could send requests as if it came from this server. Browsers always send a Host; a
    check of health by HTTP/1.0 may send none, and is answered.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.hosts or _is_hostless_check(scope):
            return await self.app(scope, receive, send)
        host = hostname(_header(scope, b"host"))
        if host in self.hosts:
            return await self.app(scope, receive, send)
        error = ApiError(
            421,
            f"this server is not called {host[:100]!r}; if it is, start it with `scanvote serve"
            " --name` and that name",
        )
        await failure(Request(scope), error)(scope, receive, send)


class CsrfCheck:
    """Reject forms sent by a page of another site; CORS allows them."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self.app = app
        self.origins = {origin for name in names for origin in origins(name)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE:
            return await self.app(scope, receive, send)
        refusal = self._refusal(scope)
        if not refusal:
            return await self.app(scope, receive, send)
        await failure(Request(scope), ApiError(403, refusal))(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        """Return why this site or a program did not send the request; empty if one did.

        Browsers send Sec-Fetch-Site, but by plain HTTP only to the machine itself; they and older
        ones send Origin; programs send neither.
        """
        site = _header(scope, b"sec-fetch-site")
        if site:
            return "" if site in ("same-origin", "none") else "another site sent this"
        origin, host = _header(scope, b"origin"), _header(scope, b"host")
        own = {f"http://{host}", f"https://{host}"} | self.origins
        if not origin or origin in own:
            return ""
        return (
            f"another site sent this, {origin[:100]!r}; if that is this server behind a proxy,"
            " start it with `scanvote serve --name` and that name, with its port if it has one"
        )


def _is_hostless_check(scope: Scope) -> bool:
    """Return whether it is a check of health by HTTP/1.0 without Host, as HAProxy sends it."""
    checks = scope["path"] in HEALTH or (scope["method"], scope["path"]) == ("OPTIONS", "/")
    hostless = not any(name == b"host" for name, _ in scope["headers"])
    return checks and hostless and scope["http_version"] == "1.0"


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
