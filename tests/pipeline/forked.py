"""Stages in processes that one process forks, which has loaded TensorFlow: that takes seconds."""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Sequence
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

_FORKING = multiprocessing.get_context("forkserver")
_LOADED = "tests.pipeline.loaded"
"""What the process that forks imports before."""


def start(folder: Path, environment: dict[str, str], *stages: Sequence[str | Path]) -> BaseProcess:
    """Start in `folder` one stage after the other, each a process, until one fails.

    The process leads a group, by which all of it can be killed. What it says is in ``forked.log``.

    Args:
        folder: to run in, a copy of this repository.
        environment: all that the stages see.
        stages: each a module and its arguments, as behind `python3 -m`.
    """
    _FORKING.set_forkserver_preload([_LOADED])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # of the process that forks
        forkserver.ensure_running()
    process = _FORKING.Process(target=_run_all, args=(folder, environment, stages))
    process.start()
    return process


def _run_all(folder: Path, environment: dict[str, str], stages: list[Sequence[str | Path]]) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    log = os.open("forked.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for module, *words in stages:
        process = os.fork()
        if process == 0:
            sys.argv = [module, *map(str, words)]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != 0:
            sys.exit(1)
