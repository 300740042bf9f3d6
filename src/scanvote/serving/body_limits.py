"""Bodies of requests: bounded in size and in time, one by one and together."""

import asyncio
import time

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scanvote.serving.failures import ApiError, failure
from scanvote.serving.options import ServeOptions

CLOSE = {"Connection": "close"}
_DIGITS = 18
"""Of a length that are read: more bytes than there are."""


class BodyLimitMiddleware:
    """Counts bodies while they are read; more than is allowed is never held.

    Attributes:
        held: bytes of all bodies whose requests are not answered yet.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        self.app, self.options, self.held = app, options, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        body = _Body(self, receive)
        try:
            too_large = body.refusal(_declared(scope))
            if too_large is not None:
                return await failure(Request(scope), too_large)(scope, receive, send)
            await self.app(scope, body.receive, send)
        finally:
            self.held -= body.came


class _Body:
    """The body of one request."""

    def __init__(self, bodies: BodyLimitMiddleware, receive: Receive) -> None:
        self.bodies, self.options, self.next = bodies, bodies.options, receive
        self.began, self.came, self.complete = time.monotonic(), 0, False

    async def receive(self) -> Message:
        if self.complete:
            return await self.next()  # tells when the client goes away
        message = await self._in_time()
        self.complete = not message.get("more_body", False)
        self._count(len(message.get("body", b"")))
        return message

    async def _in_time(self) -> Message:
        allowed = self.options.body_seconds + self.came / self.options.body_rate
        try:
            async with asyncio.timeout(self.began + allowed - time.monotonic()):
                return await self.next()
        except TimeoutError:
            raise ApiError(408, "the request came too slowly", headers=CLOSE) from None

    def _count(self, size: int) -> None:
        refusal = self.refusal(self.came + size)
        if refusal is not None:
            raise refusal
        self.came += size
        self.bodies.held += size

    def refusal(self, size: int) -> ApiError | None:
        """Why a body of so many bytes is not taken."""
        options = self.options
        if size > options.request_bytes:
            most = options.request_bytes / 2**20
            return ApiError(413, f"the request is larger than {most:g} MiB")
        if self.bodies.held + size - self.came > options.held_bytes:
            return ApiError(429, "the server holds too many files; ask again in a few seconds")
        return None


def _declared(scope: Scope) -> int:
    """Content-Length, 0 where the body comes in chunks."""
    told = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(told[0][:_DIGITS]) if told and told[0].isdigit() else 0
