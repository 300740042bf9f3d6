"""Provenance of a run: facts about process, Git commit and DVC inputs.

It does not depend on MLflow; `scanvote.tracking.runs` turns these facts into tags.
"""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scanvote.core.errors import InputError
from scanvote.core.files import read_yaml
from scanvote.core.terminal import print_status

# `create_time` is relative to a boot time that drifts when the clock is corrected; two
# processes with the same pid cannot start this close to each other
_SAME_START_SECONDS = 30.0

# the code alone: an experiment changes params.yaml, and every run rewrites outputs and dvc.lock
_SOURCES = ("src", "stages", "dvc.yaml", "pyproject.toml")


def dvc_tags() -> dict[str, str]:
    """Return DVC's environment variables about the stage and the experiment."""
    names = ("DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


@dataclass(frozen=True)
class ProcessId:
    """Identity of a process, also against a later one with its pid."""

    host: str
    pid: int
    started: float

    def tags(self) -> dict[str, str]:
        return {
            "scanvote.host": self.host,
            "scanvote.pid": str(self.pid),
            "scanvote.started": f"{self.started:.2f}",
        }

    @classmethod
    def of_tags(cls, tags: dict[str, str]) -> "ProcessId":
        return cls(
            tags["scanvote.host"], int(tags["scanvote.pid"]), float(tags["scanvote.started"])
        )

    def is_same(self, other: "ProcessId") -> bool:
        same = (self.host, self.pid) == (other.host, other.pid)
        return same and abs(self.started - other.started) < _SAME_START_SECONDS

    def is_alive(self) -> bool:
        """Tell if the process runs; one on another host counts as alive."""
        import psutil

        if self.host != socket.gethostname():
            return True
        try:
            process = psutil.Process(self.pid)
            return self.is_same(_owner(process)) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def this_process() -> ProcessId:
    import psutil

    return _owner(psutil.Process())


def pipeline_process() -> tuple[ProcessId, str]:
    """Return the process that runs the pipeline, and its command as typed.

    It is the nearest ancestor that is DVC: `dvc repro`, `dvc exp run` (also with `--temp`),
    or `dvc exp exec-run`, which a queue worker starts once for each experiment.
    Without DVC it is this process.
    """
    import psutil

    own = psutil.Process()
    ancestors = own.parents() if "DVC_STAGE" in os.environ else []
    for process in ancestors:
        command = _dvc_command(process)
        if command is not None:
            return _owner(process), command
    driver = next((process for process in ancestors if not _has_stage(process)), own)
    return _owner(driver), shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def _owner(process: Any) -> ProcessId:
    return ProcessId(socket.gethostname(), process.pid, process.create_time())


def _dvc_command(process: Any) -> str | None:
    """Return the DVC command that a process runs, None for another process.

    DVC runs as `dvc`, `python …/bin/dvc` or `python -m dvc`.
    """
    import psutil

    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return None
    for place, word in enumerate(words[:3]):
        if Path(word).stem == "dvc":
            queued = "exec-run" in words  # its arguments are only names of temporary files
            return "dvc queue start" if queued else shlex.join(["dvc", *words[place + 1 :]])
    return None


def _has_stage(process: Any) -> bool:
    # DVC called from Python (a test, a notebook) has another name, but only its child processes
    # have this variable
    import psutil

    try:
        return "DVC_STAGE" in process.environ()
    except psutil.Error:
        return False


def git_commit() -> str | None:
    """Return the commit that is checked out.

    None outside Git and before the first commit, and with a warning if Git does not answer.
    """
    try:
        return git("rev-parse", "--verify", "HEAD^{commit}") or None
    except InputError as error:
        _warn(f"this run is logged without its commit: {error}")
        return None


def has_uncommitted_sources() -> bool:
    """Tell if the code was changed; also, with a warning, if Git does not answer."""
    try:
        return bool(git("status", "--porcelain", "--", *_SOURCES))
    except InputError as error:
        _warn(f"this run is logged as of changed code: {error}")
        return True


def changed_sources(revision: str) -> list[str]:
    """Return the code files that differ between a commit and the working tree."""
    return git("diff", "--name-only", revision, "--", *_SOURCES).splitlines()


@cache
def _warn(line: str) -> None:
    print_status(line)  # once: the runs of a stage and of the pipeline are logged by one process


def git(*arguments: str) -> str:
    """Return the output of a Git command; empty if there is nothing of what it asks for.

    That is so outside Git, and before the first commit.

    Raises:
        InputError: Git refuses this repository, is not installed or gives no answer.
    """
    done = _run_git(*arguments)
    if done.returncode == 0:
        return done.stdout.strip()
    here = Path.cwd()
    if any((one / ".git").exists() for one in (here, *here.parents)):
        # of a branch without a commit, only the second fails
        for command in (["symbolic-ref", "--quiet", "HEAD"], ["log", "-1", "--format=%h"]):
            asked = _run_git(*command)
            if asked.returncode > 1 and "not have any commits yet" not in asked.stderr:
                reason = " ".join(asked.stderr.split()).removeprefix("fatal: ")
                raise InputError(f"git does not answer in {here}: {reason}")
    return ""


def _run_git(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command, environment = ["git", *arguments], {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        # 126: found, but it cannot be run, as in a shell
        reason = "it is not installed" if isinstance(error, FileNotFoundError) else str(error)
        return subprocess.CompletedProcess(command, 126, "", reason)


def input_digests(inputs: Sequence[Path], known: Mapping[str, str]) -> dict[str, str]:
    """Return DVC's md5 of the inputs by path.

    An input may be an output of a stage, a file inside one, or a folder with several outputs
    (a fan-in): every output that contains it or lies in it is listed. Paths that DVC does not
    know are left out.

    Args:
        inputs: paths.
        known: the result of `known_digests`.
    """
    outputs = {Path(path): md5 for path, md5 in known.items()}
    return {
        path.as_posix(): md5
        for one in map(_relative, inputs)
        for path, md5 in outputs.items()
        if path == one or path in one.parents or one in path.parents
    }


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def known_digests(inputs: Sequence[Path]) -> dict[str, str]:
    """Return the md5 of stage outputs and of `dvc add` inputs."""
    stages = read_yaml(Path("dvc.lock")).get("stages") or {}
    outs = [out for stage in stages.values() for out in stage.get("outs") or []]
    digests = {out["path"]: str(out["md5"]) for out in outs if "md5" in out}
    for path in map(_relative, inputs):
        pointer = path.with_name(path.name + ".dvc")
        for out in read_yaml(pointer).get("outs") or []:
            if "md5" in out:
                digests[(pointer.parent / out["path"]).as_posix()] = str(out["md5"])
    return digests
