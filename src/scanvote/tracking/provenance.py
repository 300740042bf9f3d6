"""Provenance of a run: facts about Git commit, DVC experiment and inputs.

It does not depend on MLflow; `scanvote.tracking.runs` turns these facts into tags.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.files import read_yaml
from scanvote.core.terminal import print_status

# the code alone: an experiment changes params.yaml, and every run rewrites outputs and dvc.lock
_SOURCES = ("src", "stages", "dvc.yaml", "pyproject.toml")


def dvc_tags() -> dict[str, str]:
    """Return DVC's environment variables about the stage and the experiment."""
    names = ("DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


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
