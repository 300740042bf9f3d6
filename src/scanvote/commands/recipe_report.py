"""What `scanvote recipe` says, and runs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scanvote.commands.recipes import (
    Variant,
    changes,
    command,
    describe_command,
    read_recipe,
    recipe_names,
    to_overrides,
)
from scanvote.core.errors import InputError
from scanvote.manifest import read_manifest
from scanvote.tracking.experiments import experiments


def show_recipes() -> None:
    """A recipe a row: what it trains, and what was published."""
    table = Table("recipe", "what", "published")
    for name in recipe_names():
        recipe = read_recipe(name)
        table.add_row(name, escape(recipe.about), escape(recipe.published))
    Console().print(table)


def show_recipe(name: str, quick: bool) -> None:
    """All that a recipe says, and the command it stands for."""
    recipe, console = read_recipe(name), Console()
    for title in ("about", "like", "source", "published", "differs"):
        if text := getattr(recipe, title):
            console.print(f"[bold]{title:10}[/] {escape(text)}")
    table = Table(Column("params.yaml", no_wrap=True), "now", "recipe")
    for change in changes(recipe, quick):
        table.add_row(
            change.key, escape(to_overrides(change.now)), escape(to_overrides(change.value))
        )
    console.print(table)
    # as plain text: to be copied
    print(describe_command(command(name, recipe, quick)))


def run_recipe(name: str, quick: bool, extra: Sequence[str], parts: Sequence[Variant] = ()) -> None:
    """Print the command, and become it; or run one after another for each of its parts.

    A part whose experiment is there, of the commit checked out, is left as it is.

    Raises:
        InputError: DVC is not installed beside this Python, or a part failed.
    """
    recipe, dvc = read_recipe(name), _dvc()
    if parts:
        commands = {part.name: command(name, recipe, quick, extra, part) for part in parts}
        _run_parts(name, dvc, commands)
    else:
        words = command(name, recipe, quick, extra)
        print(describe_command(words), flush=True)
        os.execv(dvc, words)


def _run_parts(name: str, dvc: str, commands: Mapping[str, list[str]]) -> None:
    there = experiments()
    for part, words in commands.items():
        if (title := words[words.index("-n") + 1]) in there:
            print(f"{title} is there; `dvc exp remove {title}` to train it again", flush=True)
            continue
        print(describe_command(words), flush=True)
        if subprocess.run([dvc, *words[1:]], check=False).returncode:
            raise InputError(f"{name}: {part} failed; what it trained is kept, run it again")


def institutions(name: str) -> list[str]:
    """Of the scans that a recipe segments.

    Raises:
        InputError: these are not the scans that were downloaded last, or they tell of fewer
            than two institutions.
    """
    path = Path("data/raw/segmentation/manifest.csv")
    manifest = read_manifest(path)
    here = ", ".join(sorted(set(manifest["source"])))
    wanted = read_recipe(name).params.get("segmentation", {}).get("dataset", here)
    wanted = ", ".join(sorted(wanted)) if isinstance(wanted, list) else wanted
    if here != wanted:
        raise InputError(
            f"{path} is of {here}, not of {wanted}, so its institutions are not known yet;"
            f" run `scanvote recipe run {name}` before"
        )
    known = sorted(set(manifest.get("institution", [])) - {""})
    if len(known) < 2:
        raise InputError(f"{path} tells of fewer than two institutions")
    return known


def _dvc() -> str:
    beside = Path(sys.executable).with_name("dvc")
    dvc = str(beside) if beside.exists() else shutil.which("dvc")
    if dvc is None:
        raise InputError("dvc is not installed here: run `make env`")
    return dvc
