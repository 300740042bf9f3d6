"""Copies of the repository in which DVC runs with other settings, for the scripts beside this one.

A copy is a worktree of git at HEAD, so what is not committed is not in it. It shares DVC's cache
with the repository, and stays: what is done there is not done again.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from measure import peak_memory

from scanvote.commands.recipes import read_recipe
from scanvote.params import load_values, with_changes

ROOT = Path(__file__).parents[1]


def with_recipe(folder: Path, recipe: str, *changes: Mapping[str, Any]) -> Path:
    """Make the worktree `folder` with a recipe and further changes in its params.yaml."""
    if not folder.exists():
        command = ["git", "worktree", "add", "-f", "-q", "--detach", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True)
        cache = ["dvc", "cache", "dir", "--local", str(ROOT / ".dvc" / "cache")]
        subprocess.run(cache, cwd=folder, check=True)
    values = load_values(ROOT / "params.yaml")
    for change in (read_recipe(recipe).params, *changes):
        values = with_changes(values, change)
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return folder


def repro(folder: Path, *words: str) -> tuple[float, int]:
    """Run `dvc repro` with the code of the worktree; return seconds and peak bytes."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = [f"PYTHONPATH={folder / 'src'}", f"PATH={path}"]
    return peak_memory(["env", "-C", str(folder), *settings, "dvc", "repro", *words])
