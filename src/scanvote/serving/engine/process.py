"""A worker as the web process sees it: started, spoken to, listened to, ended."""

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

_PATIENCE = 5.0
"""Seconds that a worker has to end by itself."""


class Worker:
    """A process of its own; nothing here waits for it but `end`.

    Attributes:
        gone: it ended, whatever for.
    """

    def __init__(
        self, load: Callable[[], Model], batch: int, hear: Callable[["Worker", Event], None]
    ) -> None:
        context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, load, batch), daemon=True)
        self.process.start()
        theirs.close()  # or the worker's death would not close the pipe
        self.gone = asyncio.Event()
        self._hear, self._loop = hear, asyncio.get_running_loop()
        self._unsent: SimpleQueue[Submit | Cancel | None] = SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        threading.Thread(target=self._speak, daemon=True).start()

    def tell(self, said: Submit | Cancel) -> None:
        self._unsent.put(said)

    def kill(self) -> None:
        self.process.kill()

    async def end(self) -> None:
        """Let go of it, and see that it ends."""
        self._unsent.put(None)
        await asyncio.to_thread(self._bury)

    def _bury(self) -> None:
        # to close it would not end the read that waits at it, and so not reach the worker
        with suppress(OSError), socket(fileno=os.dup(self._pipe.fileno())) as ours:
            ours.shutdown(SHUT_RDWR)
        self.process.join(_PATIENCE)
        self.process.kill()
        self.process.join()
        self._listener.join()
        self._pipe.close()

    def _listen(self) -> None:
        try:
            with suppress(EOFError, OSError):
                while True:
                    self._later(self._hear, self, self._pipe.recv())
        finally:  # whatever it said that is not understood, nobody listens to it any longer
            self.process.kill()
            self._later(self.gone.set)

    def _speak(self) -> None:
        """A pipe takes 64 KiB; to write more waits for the reader, which the web must not."""
        with suppress(OSError):
            while (said := self._unsent.get()) is not None:
                self._pipe.send(said)

    def _later(self, function: Callable[..., object], *what: object) -> None:
        with suppress(RuntimeError):  # the loop ended before the worker
            self._loop.call_soon_threadsafe(function, *what)
