"""Timeouts for HTTP connections of slow clients.

uvicorn limits neither the time nor the length of a request's headers, nor the time for which a
client does not read its response. A client that is slow on purpose (slowloris) would hold its
connection for ever.
"""

from asyncio import Transport
from asyncio.events import TimerHandle
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEADERS = 64 * 2**10
"""Maximum bytes of request line and headers together."""
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class TimeoutProtocol(HttpToolsProtocol):
    """HTTP protocol that closes connections of slow clients.

    Attributes:
        header_seconds: seconds from the start of a connection, or from a response, to the last
            header of the next request.
        send_seconds: seconds that a client may pause reading a response.
    """

    header_seconds: ClassVar[float] = 15.0
    send_seconds: ClassVar[float] = 60.0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.received, self.in_headers = 0, False
        self.send_timer: TimerHandle | None = None
        self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self.header_timer.cancel()
        if self.send_timer is not None:
            self.send_timer.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self.received, self.in_headers = 0, True
        super().on_message_begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.received += len(data)
        if self.in_headers and self.received > LONGEST_HEADERS and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self.in_headers = False
        self.header_timer.cancel()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._start_header_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.send_timer = self.loop.call_later(self.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.send_timer is not None:
            self.send_timer.cancel()

    def _start_header_timer(self) -> None:
        """Limit the time to the next request's headers.

        The rest of a body whose response was sent early has to arrive within it, too.
        """
        self.header_timer = self.loop.call_later(self.header_seconds, self._close_if_idle)

    def _close_if_idle(self) -> None:
        # otherwise the response to a pipelined request is still being sent
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


def timeout_protocol(header_seconds: float, send_seconds: float) -> type[TimeoutProtocol]:
    """Return a protocol class with these timeouts; uvicorn instantiates it per connection."""
    timeouts = {"header_seconds": header_seconds, "send_seconds": send_seconds}
    return type("ConfiguredTimeoutProtocol", (TimeoutProtocol,), timeouts)
