"""The whole pipeline on a Dask scheduler, of whose two workers one is killed at some moment.

    python benchmarks/cluster_kills.py --moments 10

The pipeline is that of `tests/pipeline`, of a tiny phantom. Scheduler and workers are processes
with working folders of their own; a disk in memory lies over the repository in each worker (as
root, by `unshare`), so that no path is shared. `dvc repro` runs from nothing each time: in
processes of its own, on Dask undisturbed, then once for each moment, spread over the run, at which
the worker that is at work is killed (`kill -9`); a fresh one joins five seconds later. Each time
dvc.lock must be the one of the first run. Markdown on standard output.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from distributed import Client

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' helpers

from tests.clusters import Scheduler, scheduler
from tests.pipeline.conftest import Workspace, write_template
from tests.pipeline.faults import Repro

JOINS = 5.0
"""Seconds after a kill at which a fresh worker joins."""


@dataclass(frozen=True)
class Clustered(Workspace):
    """A repository whose stages compute on a scheduler."""

    address: str

    def start(self, *command: object, **environment: str) -> "Popen[str]":
        return super().start(*command, SCANVOTE_SCHEDULER=self.address, **environment)


@dataclass
class Run:
    """How a `dvc repro` went: what was killed, in which stage, and the dvc.lock that it left."""

    seconds: float
    lock: bytes
    stage: str = "-"
    victim: str = "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the moments, from 1")
    args = parser.parse_args()
    numbers = args.only or range(1, args.moments + 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = write_template(folder / "template" / "scanvote")
        base = ended(Repro(template.copy(folder / "base" / "scanvote")))
        print("| run | killed after, s | in the stage | killed | s | the same dvc.lock | load |")
        print("|---|---|---|---|---|---|---|")
        print_row("processes", None, base, base)
        dask = clustered(template, folder / "dask", None)
        print_row("Dask", None, dask, base)
        for number in numbers:
            after = dask.seconds * (number - 0.5) / args.moments
            run = clustered(template, folder / f"{number}", after)
            print_row(f"Dask, moment {number}", after, run, base)


def print_row(name: str, after: float | None, run: Run, base: Run) -> None:
    same = "yes" if run.lock == base.lock else "**no**"
    print(
        f"| {name} | {'-' if after is None else f'{after:.0f}'} | {run.stage} | {run.victim} "
        f"| {run.seconds:.0f} | {same} | {os.getloadavg()[0]:.1f} |",
        flush=True,
    )


def clustered(template: Workspace, folder: Path, after: float | None) -> Run:
    """Run from nothing on a scheduler with two workers, and kill one after some seconds."""
    copied = template.copy(folder / "scanvote")
    with scheduler(folder / "dask") as at:
        workers = {name: at.worker(name, apart=copied.folder) for name in ("first", "second")}
        repro = Repro(Clustered(copied.folder, at.address))
        started = time.perf_counter()
        if after is None:
            return ended(repro, started)
        time.sleep(after)
        stage, victim = repro.begun[-1:], kill_busy(at, workers)
        time.sleep(JOINS)
        at.worker("late", apart=copied.folder)
        run = ended(repro, started)
        run.stage, run.victim = "".join(stage), victim
        return run


def kill_busy(at: Scheduler, workers: "dict[str, Popen[Any]]") -> str:
    """Kill the worker that has a task, or the first if neither has one."""
    with Client(at.address, set_as_default=False) as client:
        known = client.scheduler_info(n_workers=-1)["workers"]
        busy = [known[one]["name"] for one, keys in client.processing().items() if keys]
    name = next(iter(busy), "first")
    workers[name].kill()
    return f"{name}, {'at work' if busy else 'idle'}"


def ended(repro: Repro, started: float | None = None) -> Run:
    """Wait for the end, which must be a good one."""
    begun = started or time.perf_counter()
    assert repro.wait() == 0, repro.err[-3000:]
    seconds = time.perf_counter() - begun
    return Run(seconds, (repro.workspace / "dvc.lock").read_bytes())


if __name__ == "__main__":
    main()
