"""The fork server, which starts workers that have their imports behind them.

It holds neither threads nor a model, so a fork of it is safe; workers start in a tenth of a second
and share the memory of what was imported.
"""

import multiprocessing
from multiprocessing import forkserver

CONTEXT = multiprocessing.get_context("forkserver")
_PRELOADED = ["scanvote.serving.preload"]


def start_fork_server() -> None:
    """Start the fork server, unless it runs; do not wait for its imports."""
    CONTEXT.set_forkserver_preload(_PRELOADED)
    forkserver.ensure_running()
