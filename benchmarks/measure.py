"""Time and peak memory, for the scripts beside this one."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

EVERY = 0.02
"""Seconds between two looks at the memory."""


def timed(function: Callable[[], object], repeats: int = 3) -> float:
    """Seconds that `function` takes: the best of `repeats`."""
    return min(_seconds(function) for _ in range(repeats))


def peak_memory(
    command: Sequence[str],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    every: float = EVERY,
) -> tuple[float, int]:
    """Run `command` to its end: seconds, and the largest resident memory in bytes.

    What it prints goes to standard error. The memory is of the command and all that it started,
    seen together. Pages that processes share count once for each of them.

    Args:
        command: program and arguments.
        folder: working directory; None: this one.
        environment: variables of the command; None: those of this process.
        every: seconds between two looks at the memory.

    Raises:
        RuntimeError: the command failed; with the last line of what it said.
    """
    start = time.perf_counter()
    options = {"cwd": folder, "env": environment, "stdout": sys.stderr, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **options) as running:
        watch = _Watch(psutil.Process(running.pid), every)
        watch.start()
        said = running.communicate()[1]
        seconds = time.perf_counter() - start
        watch.join()
    if running.returncode:
        reason = last_line(said, running.returncode)
        raise RuntimeError(f"{' '.join(command[:2])} failed: {reason}")
    return seconds, watch.peak


def last_line(said: str, code: int) -> str:
    """Return the last line that a command said, or its exit code if it said nothing."""
    return (said.strip().splitlines() or [f"exit code {code}"])[-1]


class _Watch(threading.Thread):
    def __init__(self, root: psutil.Process, every: float) -> None:
        super().__init__(daemon=True)
        self.root, self.every, self.peak = root, every, 0

    def run(self) -> None:
        while (resident := self._resident()) > 0:
            self.peak = max(self.peak, resident)
            time.sleep(self.every)

    def _resident(self) -> int:
        """Bytes of the process and its children; 0 when it has ended."""
        try:
            own = self.root.memory_info().rss
            children = self.root.children(recursive=True)
        except psutil.NoSuchProcess:
            return 0
        return own + sum(_resident(child) for child in children)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
