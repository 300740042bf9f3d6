"""HTTP connections whose clients do not have all the time in the world.

uvicorn bounds neither how long a request's headers take nor how long they are, nor how long a
client may not read its answer. A client that is slow on purpose (slowloris) would hold its
connection for ever.
"""

from asyncio import Transport
from asyncio.events import TimerHandle
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEADERS = 64 * 2**10
"""Bytes of request line and headers together."""
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class TimeoutProtocol(HttpToolsProtocol):
    """Ends a connection that lets the server wait.

    Attributes:
        header_seconds: from the begin of a connection, and from an answer, to the last header of
            the next request.
        send_seconds: that a client may not read while it is sent to.
    """

    header_seconds: ClassVar[float] = 15.0
    send_seconds: ClassVar[float] = 60.0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.came, self.in_headers = 0, False
        self.sending: TimerHandle | None = None
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self.heading.cancel()
        if self.sending is not None:
            self.sending.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self.came, self.in_headers = 0, True
        super().on_message_begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.came += len(data)
        if self.in_headers and self.came > LONGEST_HEADERS and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self.in_headers = False
        self.heading.cancel()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_headers()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.sending = self.loop.call_later(self.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.sending is not None:
            self.sending.cancel()

    def _await_headers(self) -> None:
        """Also what is left of a body that was answered before it came has to come till then."""
        self.heading = self.loop.call_later(self.header_seconds, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None or self.cycle.response_complete:  # else a pipelined one is answered
            self.transport.close()


def timeout_protocol(header_seconds: float, send_seconds: float) -> type[TimeoutProtocol]:
    """The protocol with such bounds: uvicorn makes one for each connection."""
    bounds = {"header_seconds": header_seconds, "send_seconds": send_seconds}
    return type("PatientProtocol", (TimeoutProtocol,), bounds)
