"""The fork server, which starts workers that have their imports behind them.

It holds neither threads nor a model, so a fork of it is safe; workers start in a tenth of a second
and share the memory of what was imported.
"""

import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
_PRELOADED = ["scanvote.serving.preload"]
_LONGEST = 60
"""Letters of a folder for the server's socket, whose address may have 107, with 40 of Python's."""


def start_fork_server() -> None:
    """Start the fork server, unless it runs; do not wait for its imports."""
    CONTEXT.set_forkserver_preload(_PRELOADED)
    with _short_temporary_folder():
        forkserver.ensure_running()


@contextmanager
def _short_temporary_folder() -> Iterator[None]:
    """Have the socket made in /tmp while the folder for temporary files has too long a name."""
    before, short = tempfile.tempdir, Path("/tmp")
    if len(tempfile.gettempdir()) > _LONGEST and short.is_dir():
        tempfile.tempdir = str(short)
    try:
        yield
    finally:
        tempfile.tempdir = before
