"""A Dask scheduler and its workers, as processes of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from scanvote.core.parallel import use_compute

PLACES = os.pathsep.join(str(Path(__file__).parents[1] / name) for name in ("src", "."))
"""Where a worker finds scanvote, and the functions of these helpers."""
START = 30
"""Seconds within which a scheduler answers."""


class Scheduler:
    """A scheduler, and the workers that a test starts and stops.

    Args:
        folder: of its files; a worker's own working folder lies there too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._running = folder, list[subprocess.Popen[bytes]]()
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "scheduler.json"
        self.process = self._run(
            *(
                "scheduler",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--scheduler-file",
                str(self._file),
            ),
            *("--no-dashboard", "--dashboard-address", "127.0.0.1:0"),
        )

    @property
    def address(self) -> str:
        end = time.monotonic() + START
        while time.monotonic() < end:
            if self._file.exists() and (text := self._file.read_text()).endswith("}"):
                return str(json.loads(text)["address"])
            time.sleep(0.02)
        raise TimeoutError("no scheduler after half a minute")

    def worker(
        self, name: str, apart: Path | None = None, threads: int = 1, places: str = PLACES
    ) -> "subprocess.Popen[bytes]":
        """Start a worker, which a test may `kill`.

        Args:
            name: of the worker.
            apart: an empty folder in the place of this one is all that it sees; none: it sees
                this disk.
            threads: calls that it makes at once.
            places: where it finds scanvote.
        """
        words = ["worker", "--scheduler-file", str(self._file), "--name", name, "--no-dashboard"]
        words += ["--host", "127.0.0.1", "--nthreads", str(threads), "--no-nanny"]
        words += ["--local-directory", str(self._folder / name)]
        return self._run(*words, apart=apart, places=places)

    def stop(self) -> None:
        for process in reversed(self._running):
            process.kill()
        for process in self._running:
            process.wait()

    def _run(
        self, *words: str, apart: Path | None = None, places: str = PLACES
    ) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "dask", *words]
        if apart is not None:
            over = f'mount -t tmpfs none "{apart}" && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", over, "sh", *command]
        folder = self._folder / "started"
        folder.mkdir(exist_ok=True)
        with (self._folder / f"{len(self._running)}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": places},
                stdout=log,
                stderr=log,
            )
        self._running.append(process)
        return process


@contextmanager
def scheduler(folder: Path) -> Iterator[Scheduler]:
    """Start a scheduler for the block; all its workers end with it."""
    started = Scheduler(folder)
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def computing(at: Scheduler, workers: int | None = None) -> Iterator[None]:
    """Let the workers of a scheduler make the calls of the block."""
    use_compute(at.address, workers)
    try:
        yield
    finally:
        use_compute("processes", None)


def need_mounts() -> None:
    """Skip the test where no worker can be started that does not see this disk."""
    if not _mounts():
        pytest.skip("a folder can be hidden from a worker by root alone, with unshare and tmpfs")


@cache
def _mounts() -> bool:
    try:
        words = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
