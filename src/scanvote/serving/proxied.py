"""Requests as proxies and monitors send them: below a prefix, or by HEAD."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class RootPath:
    """Take the prefix off the path, for proxies that leave it there.

    Behind it every address is one without prefix; templates and redirects put it back.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app, self.root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_below(scope["path"]):
            path = scope["path"].removeprefix(self.root_path) or "/"
            raw_path = scope.get("raw_path", b"").removeprefix(self.root_path.encode()) or b"/"
            scope = {**scope, "path": path, "raw_path": raw_path}
        await self.app(scope, receive, send)

    def _is_below(self, path: str) -> bool:
        return bool(self.root_path) and f"{path}/".startswith(f"{self.root_path}/")


class HeadAsGet:
    """Answer HEAD as GET, with the same headers and no body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self.app(scope, receive, send)
        as_get = {**scope, "method": "GET"}

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(as_get, receive, send_without_body)
        finally:
            if "route" in as_get:
                scope["route"] = as_get["route"]  # for the metrics
