"""A server on a free port, in a thread of the tests' own process."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import uvicorn

from scanvote.serving.app import Starting, make_app
from scanvote.serving.options import ServeOptions
from scanvote.serving.server import configured
from tests.serving import FakeEngine

STARTED = 60.0
"""Seconds within which it has to be up."""


def starting(engine: FakeEngine) -> Starting:
    """Gives the engine for as long as the application runs."""

    @asynccontextmanager
    async def start():
        yield engine

    def started() -> AbstractAsyncContextManager[FakeEngine]:
        return start()

    return started


@contextmanager
def served(start: Starting, options: ServeOptions) -> Iterator[str]:
    """The address at which the application answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(configured(make_app(start, options), options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        _wait(server)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(STARTED)


def _wait(server: uvicorn.Server) -> None:
    end = time.monotonic() + STARTED
    while not server.started:
        assert time.monotonic() < end, "the server does not start"
        time.sleep(0.02)
