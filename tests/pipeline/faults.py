"""Faults of a machine for a pipeline: a disk that fills up, and kills at any moment."""

import os
import random
import re
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from ruamel.yaml import YAML

from tests.pipeline.conftest import HANGS, Workspace

MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$0" && mkdir "$0/tmp" "$0/home" && echo ready; exec cat'
ENTER = 'cd "$0" && exec "$@"'
TEMPORARY = re.compile(r"/\.[0-9a-f]{8}-\d+-|/\.[^/]+\.(part|unpacking)(/|$)|-raw\.")
"""Names that only a file or folder has that is not complete."""
OUTSIDE = (".dvc", ".git", ".venv", "mlartifacts")
STARTS = 1.0
"""Seconds in which DVC starts, and says nothing."""


class Disk:
    """A file system of its own in memory, which only processes started in it see.

    It ends with this process. `mount` needs no rights where user namespaces are permitted.
    """

    def __init__(self, folder: Path, size: str) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        words = ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, str(folder), size]
        self._holder = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            self.close()
            raise PermissionError("user namespaces are not permitted here")

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()

    @property
    def seen(self) -> Path:
        """The folder for processes that were not started in it."""
        return Path(f"/proc/{self._holder.pid}/root{self.folder}")

    @property
    def enter(self) -> list[str]:
        """First words of a command that shall run in it."""
        words = ["nsenter", "--target", str(self._holder.pid), "--user", "--mount"]
        return [*words, "--preserve-credentials", "sh", "-c", ENTER]

    def free(self) -> int:
        at = os.statvfs(self.seen)
        return at.f_bavail * at.f_frsize

    @contextmanager
    def filled(self, room: int) -> Iterator[None]:
        """With `room` bytes free at first, in whole pages."""
        filler = self.seen / "filler"
        with filler.open("wb") as file:
            if (size := self.free() - room) > 0:
                os.posix_fallocate(file.fileno(), 0, size)
        try:
            yield
        finally:
            filler.unlink()


@dataclass(frozen=True)
class OnDisk(Workspace):
    """A repository on a disk of its own, with the temporary folder and the home."""

    disk: Disk

    def __truediv__(self, path: str) -> Path:
        return self.disk.seen / self.folder.name / path

    def start(self, *command: object, **environment: str) -> subprocess.Popen[str]:
        homes = {"TMPDIR": f"{self.disk.folder}/tmp", "HOME": f"{self.disk.folder}/home"}
        words = (*self.disk.enter, self.folder, *command)
        # the folder itself is not to be seen from here
        return Workspace(self.disk.folder).start(*words, **homes, **environment)


def on_disk(workspace: Workspace, disk: Disk) -> OnDisk:
    """A copy of the workspace."""
    found = OnDisk(disk.folder / "scanvote", disk)
    words = ["cp", "-a", str(workspace.folder), str(disk.seen / "scanvote")]
    subprocess.run(words, check=True)
    return found


@dataclass(frozen=True)
class Stage:
    name: str
    command: list[str]

    @classmethod
    def all_of(cls, workspace: Workspace) -> "list[Stage]":
        """Every stage, in an order in which they can run."""
        with chdir(workspace.folder), Repo() as repo:
            graph = repo.index.graph
            return [cls(one.name, shlex.split(one.cmd)) for one in plan_repro(graph)]


@dataclass
class Outcome:
    """What came of some moments of one stage."""

    moments: int = 0
    failed: int = 0
    ill_said: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)

    def add(self, done: subprocess.CompletedProcess[str], left: set[str]) -> None:
        self.moments += 1
        self.left |= left
        if done.returncode:
            self.failed += 1
            if not is_one_line(done.stderr):
                self.ill_said.append(done.stderr)


def is_one_line(err: str) -> bool:
    """Whether that ends with one line of scanvote, with a remedy, after lines of its state only."""
    lines = err.splitlines()
    return all(one.startswith("scanvote: ") for one in lines) and "; " in lines[-1]


def run_filled(workspace: OnDisk, stage: Stage, room: int, outcome: Outcome) -> None:
    """Run a stage, without DVC, where only `room` bytes are free."""
    with workspace.disk.filled(room):
        done = workspace.run(*stage.command)
        outcome.add(done, unfinished(workspace))


def measured(workspace: OnDisk, stage: Stage) -> tuple[int, float]:
    """Run a stage to its end; the bytes it took at most, and its seconds."""
    before, least, started = workspace.disk.free(), [workspace.disk.free()], time.perf_counter()
    process = workspace.start(*stage.command)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            least[0] = min(least[0], workspace.disk.free())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        _, err = process.communicate(timeout=HANGS)
    finally:
        ended.set()
        thread.join()
    assert process.returncode == 0, f"{stage.name}: {err[-3000:]}"
    return before - least[0], time.perf_counter() - started


def unfinished(workspace: Workspace) -> set[str]:
    """Files and folders in it that bear the name of what is not complete."""
    return {path for path in files_of(workspace) if TEMPORARY.search(f"/{path}")}


def files_of(workspace: Workspace) -> set[str]:
    """The paths of all files but those of Git, DVC and MLflow."""
    root = workspace / ""
    found = set[str]()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in OUTSIDE]
        found |= {os.path.relpath(os.path.join(folder, name), root) for name in files}
    return found


def lock_of(workspace: Workspace) -> Mapping[str, Any]:
    stages: Mapping[str, Any] = YAML(typ="safe").load(workspace / "dvc.lock")["stages"]
    return stages


def outputs_of(workspace: Workspace) -> Mapping[str, object]:
    """What dvc.lock says of the outputs; `dvc commit` writes a param otherwise than `dvc repro`."""
    return {name: stage["outs"] for name, stage in lock_of(workspace).items()}


@dataclass
class Repro:
    """`dvc repro` at work: which stage it has come to."""

    workspace: Workspace
    words: Sequence[str] = ()

    def __post_init__(self) -> None:
        # forked, as the stages are: loading DVC would take longer than most moments
        self._process = self.workspace.start("python3", "-m", "dvc", "repro", *self.words)
        self.begun = list[str]()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.match("Running stage '(.*)':", line):
                self.begun.append(found[1])

    @cached_property
    def err(self) -> str:
        assert self._process.stderr is not None
        return self._process.stderr.read()

    def wait_for(self, *stages: str) -> bool:
        """Until it has come to one of the stages; whether it did."""
        until = time.monotonic() + HANGS
        while not set(stages) & set(self.begun) and time.monotonic() < until:
            if self._process.poll() is not None:
                return False
            time.sleep(0.005)
        return bool(set(stages) & set(self.begun))

    def kill(self, after: float = 0.0) -> str | None:
        """The stage in which it was killed, after some seconds; None if it had ended before."""
        time.sleep(after)
        if self._process.poll() is not None:
            self._end()
            return None
        os.killpg(self._process.pid, 9)
        self._end()
        return self.begun[-1] if self.begun else "DVC's start"

    def wait(self) -> int:
        """Its return code, once it has ended by itself."""
        self._end()
        return self._process.returncode

    def _end(self) -> None:
        self._process.wait()
        self._reader.join()
        _ = self.err


def killed_at(
    workspace: Workspace, stages: Sequence[str], seconds: float, draw: random.Random
) -> tuple[str | None, str]:
    """Kill `dvc repro` at a moment of the first of the stages that runs, or of DVC's start.

    Where that was, and what was said.
    """
    repro = Repro(workspace)
    if stages and not repro.wait_for(*stages):
        return repro.kill(), repro.err
    return repro.kill(draw.uniform(0, seconds)), repro.err
