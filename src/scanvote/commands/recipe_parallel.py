"""Run the experiments of a recipe at once, each by DVC in a copy of the repository."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from scanvote.commands.compare_results import TASKS
from scanvote.params.compute import ComputeParams

LOGS = Path(".cache/recipes")
LOOK = 0.5
"""Seconds between two looks at the experiments."""
GRACE = 15
"""Seconds that an experiment has to end by itself, before it is killed."""
_STAGE = re.compile(r"^(?:Running stage|Stage) '([^']+)'", re.MULTILINE)
_SHARED = {f"deduplicate@{task}" for task in TASKS}
"""The last stages that all parts have in common."""


def run_at_once(
    commands: Mapping[str, Sequence[str]], compute: ComputeParams, exists: Callable[[str], bool]
) -> list[str]:
    """Run experiments side by side; return the names of those that failed.

    Each runs in a copy of the repository, with its output in a file of `LOGS`. One that fails does
    not stop the others, and all of them end with this process.

    Args:
        commands: the `dvc exp run` of each experiment, by its name.
        compute: at most `workers` run at once, which share the jobs of Slurm.
        exists: tells if DVC has an experiment.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    most = min(compute.workers or len(commands), len(commands))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if compute.scheduler == "slurm":
        environment["SCANVOTE_WORKERS"] = str((compute.workers or 1) // most)
    waiting, running = dict(commands), dict[str, subprocess.Popen[bytes]]()
    began = dict[str, float]()
    with _ended_with_us(running):
        while waiting or running:
            for name in [name for name, one in running.items() if one.poll() is not None]:
                _report(name, running.pop(name).returncode, time.monotonic() - began[name])
            # One at a time: DVC has one place for what is about to run, and two that use it at
            # once may run one experiment twice. And the first one downloads for all.
            if waiting and len(running) < most and all(_is_under_way(one) for one in running):
                name = next(iter(waiting))
                running[name] = _start(name, waiting.pop(name), environment)
                began[name] = time.monotonic()
            time.sleep(LOOK)
    # by what exists, not by exit codes: DVC may run an experiment in the process of another
    return [name for name in commands if not exists(name)]


def _start(
    name: str, words: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    dvc, *rest = words
    print(f"{name} begins; its output is in {_log(name)}", flush=True)
    with _log(name).open("wb") as log:
        return subprocess.Popen(
            # else a command that finds DVC's lock taken fails after three seconds
            [dvc, "--wait-for-lock", *rest, "--temp"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )


def _is_under_way(name: str) -> bool:
    """Tell if DVC made the copy, and what all parts share is in its cache."""
    text = _log(name).read_text(errors="replace")
    shared = set(_STAGE.findall(text)[:-1]) >= _SHARED  # the last one may still run
    return "Reproducing experiment" in text and shared


def _report(name: str, code: int, seconds: float) -> None:
    duration = f"after {seconds / 60:.0f} min" if seconds > 60 else f"after {seconds:.0f} s"
    text = _log(name).read_text(errors="replace").partition("ERROR: failed to reproduce")[0]
    fault = (text.strip() or "no output").splitlines()[-1]
    print(f"{name} {f'failed {duration}: {fault}' if code else f'ended {duration}'}", flush=True)


def _log(name: str) -> Path:
    return LOGS / f"{name}.log"


@contextmanager
def _ended_with_us(running: Mapping[str, subprocess.Popen[bytes]]) -> Iterator[None]:
    """End all of them if the block is left early, also by a signal."""
    signals = (signal.SIGTERM, signal.SIGHUP)
    former = {one: signal.signal(one, signal.default_int_handler) for one in signals}
    try:
        yield
    finally:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with suppress(KeyboardInterrupt):  # a second Ctrl-C: at once
                _end(running, one)
        for number, handler in former.items():
            signal.signal(number, handler)


def _end(running: Mapping[str, subprocess.Popen[bytes]], how: signal.Signals) -> None:
    alive = [one for one in running.values() if one.poll() is None]
    for one in alive:
        with suppress(ProcessLookupError):
            os.killpg(one.pid, how)
    end = time.monotonic() + GRACE
    for one in alive:
        with suppress(subprocess.TimeoutExpired):
            one.wait(max(0, end - time.monotonic()))
