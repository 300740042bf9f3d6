"""Processes that run a generator, of whose values each is an answer."""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "OutOfMemoryError", "out of memory", "MemoryError")
SPAWN = multiprocessing.get_context("spawn")


class Failed(Exception):
    """A measurement or a check failed; the message is one line."""


class Child:
    """A process that runs a generator; each of its values is an answer."""

    def __init__(self, folder: Path, function: Callable[..., Iterator[Any]], *given: Any) -> None:
        self.pipe, theirs = SPAWN.Pipe()
        self.log = Path(tempfile.mkstemp(dir=folder)[1])
        self.process = SPAWN.Process(target=serve, args=(theirs, self.log, function, given))
        self.process.start()
        theirs.close()

    def answer(self, end: float) -> Any:
        """Return the next answer.

        Raises:
            Failed: there is none by the time `end`, or the process failed.
        """
        if not self.pipe.poll(max(end - time.monotonic(), 0)):
            raise Failed("stopped, because its time was over")
        try:
            answer = self.pipe.recv()
        except EOFError:
            self.process.join()
            raise Failed(f"it died, exit code {self.process.exitcode}: {self.last()}") from None
        if isinstance(answer, Failed):
            raise answer
        return answer

    def go_on(self) -> None:
        self.pipe.send(None)

    def last(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line[:200] for line in reversed(lines) if line.strip()), "")

    def end(self) -> None:
        self.process.kill()
        self.process.join()


def serve(pipe: Any, log: Path, function: Callable[..., Iterator[Any]], given: Any) -> None:
    """Send the answers of a generator, or why it failed; wait after each for `go_on`."""
    os.dup2(os.open(log, os.O_WRONLY), 2)
    try:
        for answer in function(*given):
            pipe.send(answer)
            pipe.recv()
    except EOFError:  # the parent needs no more
        return
    except Exception as error:
        pipe.send(Failed(reason(error)))


def reason(error: Exception) -> str:
    """Put an error into one line."""
    text = f"{type(error).__name__}: {error}".replace("|", "/")
    start = "out of memory: " if any(words in text for words in OUT_OF_MEMORY) else ""
    return start + text.splitlines()[0][:200].removeprefix("Failed: ")
