"""Worktrees in which DVC runs with other settings, for the scripts beside this one.

A worktree has the code of HEAD, without uncommitted changes. It uses the repository's DVC cache
and is kept, so a second call skips what is finished.
"""

import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from measure import peak_memory

from scanvote.commands.recipes import read_recipe
from scanvote.core.errors import InputError
from scanvote.params import parse_values, validate, with_changes

ROOT = Path(__file__).parents[1]


def with_recipe(folder: Path, recipe: str, *changes: Mapping[str, Any]) -> Path:
    """Make the worktree `folder` with a recipe and further changes in its params.yaml.

    Raises:
        InputError: the worktree is of another commit, or a setting is wrong.
    """
    values = parse_values(_git("show", "HEAD:params.yaml"), "params.yaml of HEAD")
    for change in (read_recipe(recipe).params, *changes):
        values = with_changes(values, change)
    validate(values, recipe)
    if not folder.exists():
        _git("worktree", "add", "-f", "-q", "--detach", str(folder))
    check_commit(folder)
    # the cache keeps what all worktrees have in common, such as the duplicates of a data set
    _run(["dvc", "cache", "dir", "--local", str(ROOT / ".dvc" / "cache")], folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return folder


def check_commit(folder: Path) -> None:
    """Check that the folder is a worktree with the code of HEAD.

    Raises:
        InputError: it is not.
    """
    # in any other folder git finds the repository around it
    if Path(_git("rev-parse", "--show-toplevel", at=folder)).resolve() != folder.resolve():
        raise InputError(f"{folder} is no worktree of git; remove it")
    there, here = (_git("rev-parse", "HEAD", at=at) for at in (folder, ROOT))
    if there != here:
        raise InputError(
            f"{folder} is of commit {there[:7]} and HEAD is {here[:7]}; remove it, with what it"
            f" has trained: git worktree remove --force {folder}"
        )


def repro(folder: Path, *words: str) -> tuple[float, int]:
    """Run `dvc repro` with the code of the worktree; return seconds and peak bytes."""
    variables = {"PYTHONPATH": str(folder / "src"), "PATH": _path()}
    # a look at the memory takes 3 ms, too much every 20 ms beside a training
    return peak_memory(["dvc", "repro", *words], folder, os.environ | variables, every=0.5)


def with_interval(figures: Mapping[str, Any], name: str) -> str:
    """Format a figure with its interval, which few patients do not have."""
    low, high = figures[f"{name}_low"], figures[f"{name}_high"]
    interval = "no interval" if math.isnan(low) else f"{low:.3f}–{high:.3f}"
    return f"{figures[name]:.3f} ({interval})"


def _git(*words: str, at: Path = ROOT) -> str:
    return _run(["git", *words], at)


def _run(command: list[str], at: Path) -> str:
    """Run a command; return what it prints.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run(
        command, cwd=at, env=os.environ | {"PATH": _path()}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


def _path() -> str:
    """PATH with the programs of this environment first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
