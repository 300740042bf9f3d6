"""Provenance of a run: facts about Git commit, DVC experiment and inputs.

It does not depend on MLflow; `scanvote.tracking.runs` turns these facts into tags.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from scanvote.core.files import read_yaml

# the code alone: an experiment changes params.yaml, and every run rewrites outputs and dvc.lock
_SOURCES = ("src", "stages", "dvc.yaml", "pyproject.toml")


def dvc_tags() -> dict[str, str]:
    """Return DVC's environment variables about the stage and the experiment."""
    names = ("DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def git_commit() -> str | None:
    """Return the commit that is checked out, None outside Git."""
    return git("rev-parse", "HEAD") or None


def has_uncommitted_sources() -> bool:
    return bool(git("status", "--porcelain", "--", *_SOURCES))


def git(*arguments: str) -> str:
    """Return the output of a Git command, empty if it fails."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


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
