"""A worker process: answer one task after the other until the socket closes."""

import os
import pickle
import select
import signal
import socket
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process
from typing import Any

from scanvote.core.errors import InputError
from scanvote.serving.engine.messages import (
    LENGTH,
    Answered,
    Cancel,
    Cancelled,
    Failed,
    LoadFailed,
    Ready,
    Rejected,
    Reply,
    Task,
    TooLarge,
    packed,
)
from scanvote.serving.engine.model import CancelledTask, Model, TooLargeFile


def work(web: socket.socket, load: Callable[[], Model], niceness: int) -> None:
    """Load the model, and answer tasks until the web process closes the socket or dies.

    Nothing needs to be cleaned up then: nobody wants an answer.

    Args:
        web: socket of the web process, which sends tasks after `Ready`.
        load: loads the model.
        niceness: added to that of the web process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the web process handles Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(niceness)
    with suppress(EOFError, OSError):
        model = _load(web, load)
        while model:
            task = _receive(web)
            if not isinstance(task, Cancel):  # one that came too late
                web.sendall(packed(_reply(model, task, web)))


def _end_with_parent() -> None:
    """End when the web process has died, also while the worker computes."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)


def _load(web: socket.socket, load: Callable[[], Model]) -> Model | None:
    try:
        model = load()
    except InputError as error:
        web.sendall(packed(LoadFailed(str(error))))
    except Exception as error:
        traceback.print_exc()
        reason = f"the model cannot be loaded: {type(error).__name__}"
        web.sendall(packed(LoadFailed(reason)))
    else:
        web.sendall(packed(Ready()))
        return model
    return None


def _reply(model: Model, task: Task, web: socket.socket) -> Reply:
    def check() -> None:
        if select.select([web], [], [], 0)[0]:  # a `Cancel`, or the end of the web process
            raise CancelledTask

    try:
        return Answered(model.answer(task, check))
    except CancelledTask:
        return Cancelled()
    except TooLargeFile:
        return TooLarge()
    except InputError as error:
        return Rejected(str(error), getattr(error, "status", 422))
    except Exception:
        return Failed(traceback.format_exc())


def _receive(web: socket.socket) -> Any:
    length = int.from_bytes(_read(web, LENGTH), "big")
    return pickle.loads(_read(web, length))


def _read(web: socket.socket, length: int) -> bytes:
    content = web.recv(length, socket.MSG_WAITALL)
    if len(content) < length:
        raise EOFError
    return content
