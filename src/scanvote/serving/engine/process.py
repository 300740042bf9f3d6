"""A worker process, as the web process sees it."""

import asyncio
import pickle
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from scanvote.serving.engine.messages import LENGTH, Cancel, Task, packed
from scanvote.serving.engine.model import Model
from scanvote.serving.engine.worker import work
from scanvote.serving.fork_server import CONTEXT, start_fork_server

_BUFFER = 2**20
"""Bytes of a reply that are read before the loop does something else."""


class Worker:
    """A running worker, which has one task at a time.

    Attributes:
        lost: whether it has ended.
        pid: its number.
    """

    def __init__(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.lost, self.pid = False, pid
        self._reader, self._writer = reader, writer

    async def ask(self, task: Task) -> Any:
        """Send a task, and return the reply.

        Raises:
            EOFError, OSError: the worker has ended.
        """
        self._writer.write(packed(task))
        await self._writer.drain()
        return await self.receive()

    async def receive(self) -> Any:
        """Return the next message of the worker; raises as `ask`."""
        length = int.from_bytes(await self._reader.readexactly(LENGTH), "big")
        return pickle.loads(await self._reader.readexactly(length))

    def cancel(self) -> None:
        """Tell the worker that nobody waits for the answer to its task."""
        self._writer.write(packed(Cancel()))


@asynccontextmanager
async def running(
    load: Callable[[], Model], niceness: int, on_loss: Callable[[], None]
) -> AsyncIterator[Worker]:
    """Start a worker, and kill it at the end.

    Args:
        load: loads the model, in the worker.
        niceness: of the worker.
        on_loss: called when it ends by itself.

    Raises:
        EOFError, OSError: no process can be started.
    """
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    process = CONTEXT.Process(target=work, args=(theirs, load, niceness), daemon=True)
    try:
        start_fork_server()
        with theirs:  # otherwise the worker's death would not close the socket
            await asyncio.to_thread(process.start)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_BUFFER)
    except BaseException:
        ours.close()
        raise
    worker = Worker(process.pid or 0, reader, writer)

    def note_loss() -> None:
        loop.remove_reader(process.sentinel)
        worker.lost = True
        on_loss()

    loop.add_reader(process.sentinel, note_loss)
    try:
        yield worker
    finally:
        loop.remove_reader(process.sentinel)
        writer.close()
        if process.is_alive():
            process.kill()
        await asyncio.to_thread(process.join)
        process.close()
