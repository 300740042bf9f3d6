"""A Python process that makes one call at a time, on this machine or beside a Dask worker."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

POLL = 0.2
"""Seconds between two looks at whether a call is still wanted."""


class ProcessDied(Exception):
    """The process ended during a call."""


class Child:
    """A process of its own, which needs neither semaphores nor a parent that may fork.

    It ends with this process, however that ends.

    Args:
        environment: variables to set for it, above those of this process.
        folder: its working directory, by default that of this process.
    """

    def __init__(
        self, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> None:
        self.environment, self.folder = dict(environment or {}), folder
        self._lock, self._killed = threading.Lock(), False
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def call(self, payload: bytes, look: Callable[[], None] = lambda: None) -> Any:
        """Return the result of a call; the first one starts the process.

        Args:
            payload: a pickled function and its arguments.
            look: called while the result is awaited; what it raises ends the process.

        Raises:
            ProcessDied: the process ended before.
        """
        if self._connection is None:
            self._start()
        assert self._connection is not None
        try:
            self._connection.send_bytes(payload)
            while not self._connection.poll(POLL):
                look()
            succeeded, result = pickle.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            self.close()
            raise ProcessDied from None
        except BaseException:
            self.close()
            raise
        if not succeeded:
            raise result
        return result

    def kill(self) -> None:
        """End the process, whatever it does, for good; another thread may be in a call."""
        with self._lock:
            self._killed = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process, and what is left of it; only in the thread that calls."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _start(self) -> None:
        self._connection, theirs = Pipe()
        words = [sys.executable, "-m", __name__, str(theirs.fileno())]
        path = os.pathsep.join(filter(None, sys.path))
        with self._lock:
            if self._killed:
                raise ProcessDied
            self._process = subprocess.Popen(
                words,
                env=os.environ | {"PYTHONPATH": path} | self.environment,
                cwd=self.folder,
                pass_fds=[theirs.fileno()],
            )
        theirs.close()  # otherwise its death would not close the pipe


def main(connection: Connection) -> None:
    """Answer calls until the parent closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this
    threading.Thread(target=_exit_with, args=(os.getppid(),), daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            connection.send_bytes(_answer(connection.recv_bytes()))


def _exit_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _answer(payload: bytes) -> bytes:
    try:
        function, arguments = pickle.loads(payload)
        return pickle.dumps((True, function(*arguments)))
    except Exception as error:
        error.add_note(traceback.format_exc())
        with suppress(Exception):
            return pickle.dumps((False, error))
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])))
