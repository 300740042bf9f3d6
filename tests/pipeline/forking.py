"""Run stages in processes forked from this one, which has loaded what they import.

Called by the `python3` of `forked.py`. The process of a stage joins the group of its caller, so
that it is killed with it.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

from scanvote.core.backend import use_backend

LOADED = (
    "dvc.cli",
    "dvc.commands.repro",
    "dvc.repo.reproduce",
    "dvc_data.hashfile.build",
    "keras_tuner",
    "matplotlib.backends.backend_agg",
    "mlflow.keras",
    "mlflow.pyfunc",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.system_metrics.system_metrics_monitor",
    "scanvote.pipeline.baseline.stage",
    "scanvote.pipeline.deduplicate.stage",
    "scanvote.pipeline.download.stage",
    "scanvote.pipeline.ensemble.stage",
    "scanvote.pipeline.evaluate.stage",
    "scanvote.pipeline.explain.stage",
    "scanvote.pipeline.inflation.stage",
    "scanvote.pipeline.package.stage",
    "scanvote.pipeline.prepare.stage",
    "scanvote.pipeline.report.stage",
    "scanvote.pipeline.search.stage",
    "scanvote.tracking.stage",
    "scanvote.pipeline.unet.stage",
    "tf2onnx",
)
"""Imported, not computed with: what has threads, as onnxruntime has, cannot be forked."""


def main(listening: socket.socket) -> None:
    """Fork a process for each call; only in such a one it returns, ready to run the stage.

    It ends with its parent, however that ends.
    """
    parent = os.pidfd_open(os.getppid())
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        selector.register(parent, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj == parent:
                    os._exit(0)
                elif key.fileobj is listening:
                    caller, _ = listening.accept()
                    pid = _fork(caller)
                    if pid == 0:
                        return
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (caller, pid))
                else:
                    selector.unregister(key.fileobj)
                    _end(key.fd, *key.data)


def _fork(caller: socket.socket) -> int:
    call, descriptors = _received(caller)
    pid = os.fork()
    if pid == 0:
        _become(descriptors, *call)
    for one in descriptors:
        os.close(one)
    return pid


def _received(caller: socket.socket) -> tuple[Any, list[int]]:
    call, descriptors, *_ = socket.recv_fds(caller, 1 << 16, 3)
    while not call.endswith(b"\n"):
        call += caller.recv(1 << 16)
    return json.loads(call), descriptors


def _become(
    descriptors: list[int],
    words: list[str],
    folder: str,
    environment: dict[str, str],
    group: int,
    caller: int,
) -> None:
    os.setpgid(0, group)
    try:
        for kind in ("user", "mnt"):  # so that it sees the disks that its caller sees
            _join(f"/proc/{caller}/ns/{kind}", f"/proc/self/ns/{kind}")
    except FileNotFoundError:  # its caller was killed
        os._exit(1)
    for number, one in enumerate(descriptors):
        os.dup2(one, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = words


def _join(theirs: str, own: str) -> None:
    if os.stat(theirs).st_ino != os.stat(own).st_ino:
        with open(theirs) as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns", theirs)


def _end(process: int, caller: socket.socket, pid: int) -> None:
    os.close(process)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(BrokenPipeError):  # it was killed, too
        caller.send(str(status if status >= 0 else 128 - status).encode())
    caller.close()


def _run(module: str) -> None:
    """To the end of the process, but without taking apart all that is loaded: two seconds."""
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code or 0
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    use_backend("tensorflow")
    from mlflow.utils.requirements_utils import warn_dependency_requirement_mismatches

    from scanvote.datasets.phantom.anatomy import anatomy

    for module in LOADED:
        importlib.import_module(module)
    anatomy()  # what takes seconds the first time
    warn_dependency_requirement_mismatches(["numpy"])
    gc.freeze()  # nor is it garbage
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for its parent
    main(socket.socket(fileno=int(sys.argv[1])))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.insert(0, os.getcwd())
    _run(sys.argv[0])
