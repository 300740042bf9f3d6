"""Where a stage runs and what it runs on: facts of DVC, Git and the system.

Knows nothing of MLflow; `scanvote.tracking` turns these facts into tags.
"""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# `create_time` counts from a boot time that drifts as the clock is corrected; two
# processes of one pid cannot begin this close to each other
_SAME_START_SECONDS = 30.0

# the code: an experiment changes params.yaml and every run rewrites outputs and dvc.lock
_SOURCES = ("src", "stages", "dvc.yaml", "pyproject.toml")


def dvc_tags() -> dict[str, str]:
    """What DVC tells a stage of the experiment and itself, by the variables' names."""
    names = ("DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


@dataclass(frozen=True)
class ProcessId:
    """A process that can be recognised later: alive still, dead, or another of its pid."""

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
        """Whether the process runs; another host's counts as alive, nobody here can know."""
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
    """The process that runs the pipeline, and its command as a person typed it.

    The nearest ancestor that is DVC: `dvc repro`, `dvc exp run` (with `--temp` too),
    or `dvc exp exec-run`, of which a queue worker starts one for each experiment.
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
    """`dvc repro …` where the process is DVC: `dvc`, `python …/bin/dvc` or `python -m dvc`."""
    import psutil

    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return None
    for place, word in enumerate(words[:3]):
        if Path(word).stem == "dvc":
            queued = "exec-run" in words  # whose arguments are names of temporary files
            return "dvc queue start" if queued else shlex.join(["dvc", *words[place + 1 :]])
    return None


def _has_stage(process: Any) -> bool:
    # DVC driven from Python (a test, a notebook) bears another name, but only what it
    # starts has this variable
    import psutil

    try:
        return "DVC_STAGE" in process.environ()
    except psutil.Error:
        return False


def git_commit() -> str | None:
    """The commit that is checked out, or None outside Git."""
    return git("rev-parse", "HEAD") or None


def has_uncommitted_sources() -> bool:
    return bool(git("status", "--porcelain", "--", *_SOURCES))


def git(*arguments: str) -> str:
    """What Git says; nothing where it fails."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def input_digests(inputs: Sequence[Path], known: Mapping[str, str]) -> dict[str, str]:
    """The md5 that DVC has of each input, by path.

    An input may be an output of a stage, a file within one, or a folder that holds
    several (a fan-in): each output it touches is named. What DVC does not know is left out.

    Args:
        inputs: paths.
        known: of `known_digests`.
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
    """The md5 of all that stages left, by path, and of the inputs that `dvc add` was given."""
    stages = _yaml(Path("dvc.lock")).get("stages") or {}
    outs = [out for stage in stages.values() for out in stage.get("outs") or []]
    found = {out["path"]: str(out["md5"]) for out in outs if "md5" in out}
    for path in map(_relative, inputs):
        pointer = path.with_name(path.name + ".dvc")
        for out in _yaml(pointer).get("outs") or []:
            if "md5" in out:
                found[(pointer.parent / out["path"]).as_posix()] = str(out["md5"])
    return found


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        return {}
    # in C: a dvc.lock of thousands of lines takes ruamel-yaml a third of a second
    values = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    return values if isinstance(values, dict) else {}
