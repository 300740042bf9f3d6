"""What `scanvote recipe` says, and runs."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scanvote.errors import InputError
from scanvote.recipes import changes, command, hydra, read_recipe, recipe_names, shown


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
    for title in ("about", "source", "published", "differs"):
        if text := getattr(recipe, title):
            console.print(f"[bold]{title:10}[/] {escape(text)}")
    table = Table(Column("params.yaml", no_wrap=True), "default", "recipe")
    for change in changes(recipe, quick):
        table.add_row(change.key, escape(hydra(change.default)), escape(hydra(change.value)))
    console.print(table)
    # as plain text: to be copied
    print(shown(command(name, recipe, quick)))


def run_recipe(name: str, quick: bool, extra: Sequence[str]) -> None:
    """Print the command, and become it.

    Raises:
        InputError: DVC is not installed beside this Python.
    """
    words = command(name, read_recipe(name), quick, extra)
    beside = Path(sys.executable).with_name("dvc")
    dvc = str(beside) if beside.exists() else shutil.which("dvc")
    if dvc is None:
        raise InputError("dvc is not installed here: run `make env`")
    print(shown(words), flush=True)
    os.execv(dvc, words)
