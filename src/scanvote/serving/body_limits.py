"""Limits on the size and duration of request bodies, each and together."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanvote.serving.http_errors import ApiError
from scanvote.serving.options import ServeOptions

CLOSE = {"Connection": "close"}
_DIGITS = 18
"""Digits of Content-Length that are parsed: no real size has as many."""


class BodyLimitMiddleware:
    """Count bodies while they are read, and never hold more than allowed.

    Attributes:
        held: bytes of all bodies whose requests have no response yet.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        self.app, self.options, self.held = app, options, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        body = _Body(self, receive)
        try:
            body.check(_declared(scope))
            await self.app(scope, body.receive, send)
        finally:
            self.held -= body.received


class _Body:
    """The body of one request."""

    def __init__(self, middleware: BodyLimitMiddleware, receive: Receive) -> None:
        self.middleware, self.options = middleware, middleware.options
        self.next_message = receive
        self.started, self.received, self.complete = time.monotonic(), 0, False

    async def receive(self) -> Message:
        if self.complete:
            return await self.next_message()  # reports when the client disconnects
        message = await self._receive_in_time()
        self.complete = not message.get("more_body", False)
        self._count(len(message.get("body", b"")))
        return message

    async def _receive_in_time(self) -> Message:
        allowed = self.options.body_seconds + self.received / self.options.body_rate
        try:
            async with asyncio.timeout(self.started + allowed - time.monotonic()):
                return await self.next_message()
        except TimeoutError:
            raise ApiError(408, "the request came too slowly", headers=CLOSE) from None

    def _count(self, size: int) -> None:
        self.check(self.received + size)
        self.received += size
        self.middleware.held += size

    def check(self, size: int) -> None:
        """Reject a body of `size` bytes if it is too large, or if too much is held."""
        options = self.options
        if size > options.request_bytes:
            max_mib = options.request_bytes / 2**20
            raise ApiError(413, f"the request is larger than {max_mib:g} MiB")
        if self.middleware.held + size - self.received > options.held_bytes:
            raise ApiError(429, "the server holds too many files; ask again in a few seconds")


def _declared(scope: Scope) -> int:
    """Return Content-Length, or 0 for a chunked body."""
    value = Headers(scope=scope).get("content-length", "")[:_DIGITS]
    return int(value) if value.isdecimal() else 0
