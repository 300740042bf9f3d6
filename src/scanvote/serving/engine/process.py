"""Handle of the worker process in the web process."""

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from socket import SHUT_RDWR, socket

from scanvote.serving.engine.messages import Cancel, Event, Submit
from scanvote.serving.engine.model import Model
from scanvote.serving.engine.worker import work

_END_SECONDS = 5.0
"""Seconds that a worker has to end by itself before it is killed."""


class Worker:
    """A worker process; only `end` waits for it.

    Args:
        load: loads the model, in the worker.
        batch: maximum number of scans in a batch.
        on_event: called in the event loop with each event of the worker.

    Attributes:
        gone: set once the worker has ended, for whatever reason.
    """

    def __init__(
        self, load: Callable[[], Model], batch: int, on_event: Callable[["Worker", Event], None]
    ) -> None:
        context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, load, batch), daemon=True)
        self.process.start()
        theirs.close()  # otherwise the worker's death would not close the pipe
        self.gone = asyncio.Event()
        self._on_event, self._loop = on_event, asyncio.get_running_loop()
        self._unsent: SimpleQueue[Submit | Cancel | None] = SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        threading.Thread(target=self._send_queued, daemon=True).start()

    def send(self, message: Submit | Cancel) -> None:
        self._unsent.put(message)

    def kill(self) -> None:
        self.process.kill()

    async def end(self) -> None:
        """Close the connection, and wait until the process has ended."""
        self._unsent.put(None)
        await asyncio.to_thread(self._terminate)

    def _terminate(self) -> None:
        # close() would not end the read that blocks on the pipe, and so not reach the worker
        with suppress(OSError), socket(fileno=os.dup(self._pipe.fileno())) as ours:
            ours.shutdown(SHUT_RDWR)
        self.process.join(_END_SECONDS)
        self.process.kill()
        self.process.join()
        self._listener.join()
        self._pipe.close()

    def _listen(self) -> None:
        try:
            with suppress(EOFError, OSError):
                while True:
                    self._call_in_loop(self._on_event, self, self._pipe.recv())
        finally:  # also after a message that cannot be unpickled: nobody listens any longer
            self.process.kill()
            self._call_in_loop(self.gone.set)

    def _send_queued(self) -> None:
        """Send queued messages in a thread of their own.

        A pipe holds 64 KiB; writing more blocks until the worker reads, and must not block the
        event loop.
        """
        with suppress(OSError):
            while (message := self._unsent.get()) is not None:
                self._pipe.send(message)

    def _call_in_loop(self, function: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop ended before the worker
            self._loop.call_soon_threadsafe(function, *arguments)
