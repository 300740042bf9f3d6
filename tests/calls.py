"""Calls for workers of other processes, which a test holds up by files."""

import errno
import os
import signal
import time
from pathlib import Path


def begin(folder: Path) -> int:
    """Leave a file named by this process, and wait for the file ``go``; return the process."""
    (folder / f"{os.getpid()}.begun").touch()
    while not (folder / "go").exists():
        time.sleep(0.02)
    return os.getpid()


def begun(folder: Path, count: int, seconds: float = 60) -> list[int]:
    """Wait until that many have begun; return their processes."""
    end = time.monotonic() + seconds
    while len(found := [int(path.stem) for path in folder.glob("*.begun")]) < count:
        assert time.monotonic() < end, f"{len(found)} have begun"
        time.sleep(0.02)
    return found


def kill_the_worker(_: int) -> None:
    """End the worker beside which this is called, as want of memory may."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def size_of(path: Path) -> int:
    return path.stat().st_size


def read_only(path: str) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
