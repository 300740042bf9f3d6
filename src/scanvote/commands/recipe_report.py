"""The commands `scanvote recipe list`, `show` and `run`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Column, Table

from scanvote.commands.recipe_parallel import run_at_once
from scanvote.commands.recipe_parts import check_same, where_it_runs
from scanvote.commands.recipes import (
    Variant,
    changes,
    command,
    describe_command,
    read_recipe,
    recipe_names,
)
from scanvote.core.errors import InputError
from scanvote.core.overrides import override_value
from scanvote.manifest import read_manifest
from scanvote.tracking.experiments import Experiment, experiments
from scanvote.tracking.provenance import git

_WIDE = 120
"""Columns of a terminal in which the recipes are a table."""


def show_recipes() -> None:
    """Print each recipe: its training, and the published result."""
    recipes, console = {name: read_recipe(name) for name in recipe_names()}, Console()
    if console.width < _WIDE:  # three columns would be narrow towers of words
        for name, recipe in recipes.items():
            console.print(f"[bold]{name}[/]", highlight=False)
            for line in (recipe.about, f"published: {recipe.published}"):
                console.print(Padding(escape(line), (0, 0, 0, 2)), highlight=False)
        return
    table = Table(Column("recipe", no_wrap=True), "what", "published")
    for name, recipe in recipes.items():
        table.add_row(name, escape(recipe.about), escape(recipe.published))
    console.print(table)


def show_recipe(name: str, quick: bool) -> None:
    """Print a recipe, its changes of params.yaml, and its command."""
    recipe, console = read_recipe(name), Console()
    for title in ("about", "like", "source", "published", "differs"):
        if text := getattr(recipe, title):
            console.print(f"[bold]{title:10}[/] {escape(text)}")
    table = Table(*(Column(name, overflow="fold") for name in ("params.yaml", "now", "recipe")))
    for change in changes(recipe, quick):
        table.add_row(
            change.key, escape(override_value(change.now)), escape(override_value(change.value))
        )
    console.print(table)
    # without Rich, which would wrap lines that the user wants to copy
    print(describe_command(command(name, recipe, quick)))


def run_recipe(name: str, quick: bool, extra: Sequence[str], parts: Sequence[Variant] = ()) -> None:
    """Print and run a recipe's command, or one for each part.

    Without parts DVC replaces this process. A part whose experiment exists for the commit that is
    checked out is skipped. With a scheduler the parts run at once.

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
    existing = _existing()
    titles = {part: words[words.index("-n") + 1] for part, words in commands.items()}
    for part, words in commands.items():  # before hours of training
        if found := existing.get(titles[part]):
            check_same(found, words)
    missing = dict[str, list[str]]()
    for part, words in commands.items():
        if (title := titles[part]) in existing:
            print(f"{title} is there; `dvc exp remove {title}` to train it again", flush=True)
        else:
            missing[title] = [dvc, *words[1:]]
    if failed := _run(missing):
        parts = ", ".join(part for part, title in titles.items() if title in failed)
        raise InputError(f"{name}: {parts} failed; what was trained is kept, run it again")


def _run(commands: Mapping[str, list[str]]) -> list[str]:
    """Run experiments, by name, at once or one after the other; return those that failed."""
    if commands:
        words = next(iter(commands.values()))
        compute = where_it_runs(words)
        if compute.scheduler != "processes" and "--queue" not in words:
            for words in commands.values():
                print(describe_command(["dvc", *words[1:]]), flush=True)
            return run_at_once(commands, compute, lambda title: title in _existing())
    for title, words in commands.items():
        print(describe_command(["dvc", *words[1:]]), flush=True)
        if subprocess.run(words, check=False).returncode:
            return [title]
    return []


def _existing() -> dict[str, Experiment]:
    """Return the experiments of the commit that is checked out, by name."""
    head = git("rev-parse", "HEAD")
    return {one.name: one for one in experiments() if one.baseline == head}


def institutions(name: str) -> list[str]:
    """List the institutions of the scans that a recipe segments.

    Raises:
        InputError: other scans were downloaded last, or fewer than two institutions are known.
    """
    path = Path("data/raw/segmentation/manifest.csv")
    manifest = read_manifest(path)
    downloaded = ", ".join(sorted(set(manifest["source"])))
    dataset = read_recipe(name).params.get("segmentation", {}).get("dataset", downloaded)
    dataset = ", ".join(sorted(dataset)) if isinstance(dataset, list) else dataset
    if downloaded != dataset:
        raise InputError(
            f"{path} is of {downloaded}, not of {dataset}, so its institutions are not known yet;"
            f" run `scanvote recipe run {name}` before"
        )
    known = sorted(set(manifest.get("institution", [])) - {""})
    if len(known) < 2:
        raise InputError(f"{path} tells of fewer than two institutions")
    return known


def _dvc() -> str:
    same_environment = Path(sys.executable).with_name("dvc")
    dvc = str(same_environment) if same_environment.exists() else shutil.which("dvc")
    if dvc is None:
        raise InputError("dvc is not installed here: run `make env`")
    return dvc
