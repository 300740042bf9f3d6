"""The command `scanvote`: what is not a stage."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from scanvote.params import Family, load_params
from scanvote.terminal import one_line_errors

Quick = Annotated[bool, typer.Option("--quick", help="A smoke run: minutes, and no result.")]

app = typer.Typer(
    help="Raw medical scans to an ensemble that can be defended. Research use, not for diagnosis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

data_app = typer.Typer(help="Look at data before they are used.", no_args_is_help=True)
app.add_typer(data_app, name="data")

recipe_app = typer.Typer(
    help="Named experiments: published classifiers, and ours.", no_args_is_help=True
)
app.add_typer(recipe_app, name="recipe")


@app.callback()
def main() -> None:
    """The pipeline itself runs with `dvc repro`."""


@app.command()
@one_line_errors
def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 5000) -> None:
    """Open the MLflow UI on the runs of this repository, on 127.0.0.1."""
    from scanvote.tracking import ui_command

    command = ui_command(port)
    os.execv(command[0], command)


@data_app.command()
@one_line_errors
def check(
    path: Path,
    task: Annotated[Literal["classification", "segmentation"] | None, typer.Option()] = None,
) -> None:
    """Tell what is understood of your own data in PATH, a folder or a table.

    What they hold, what is wrong with them, and what to change in params.yaml to use them.
    """
    from scanvote.data_report import check_and_show

    check_and_show(path, task)


@data_app.command()
@one_line_errors
def card(
    task: Annotated[Literal["classification", "segmentation"], typer.Argument()] = "classification",
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Write it there.")] = None,
) -> None:
    """Write a data card of TASK in Markdown: what is known of its scans, and what is not.

    Of the scans that `dvc repro download` has brought; copies and splits are told of where
    these stages have run too.
    """
    from scanvote.data_card import data_card
    from scanvote.files import write_text
    from scanvote.params import load_params

    text = data_card(task, load_params(), Path())
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)


@app.command()
@one_line_errors
def trials(
    family: Annotated[Family | None, typer.Argument()] = None,
    best: Annotated[bool, typer.Option("--best", help="Only the best of each family.")] = False,
) -> None:
    """List the trials of the last search, the best first, with what each cost."""
    from scanvote.trial_report import show_trials

    show_trials(family, best, load_params())


@recipe_app.command("list")
@one_line_errors
def list_recipes() -> None:
    """List the recipes, each with the figure that was published for it."""
    from scanvote.recipe_report import show_recipes

    show_recipes()


@recipe_app.command("show")
@one_line_errors
def show_recipe(name: str, quick: Quick = False) -> None:
    """Show what recipe NAME changes in params.yaml, and the command it stands for."""
    from scanvote.recipe_report import show_recipe

    show_recipe(name, quick)


@recipe_app.command("run", context_settings={"ignore_unknown_options": True})
@one_line_errors
def run_recipe(
    name: str,
    quick: Quick = False,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="In so many experiments, NAME-fold0…"),
    ] = None,
    sites: Annotated[
        bool, typer.Option("--sites", help="In an experiment an institution, NAME-site-…")
    ] = False,
    extra: Annotated[list[str] | None, typer.Argument(help="Options of `dvc exp run`.")] = None,
) -> None:
    """Print the `dvc exp run` of recipe NAME, and run it.

    What follows NAME goes to DVC as it is: --queue, --temp, -S lr=1e-4.
    """
    from scanvote import recipe_report, recipes

    if folds and sites:
        raise typer.BadParameter("--folds and --sites are two ways; choose one")
    parts = recipes.folds(folds) if folds else []
    if sites:
        parts = recipes.sites(recipe_report.institutions(name))
    recipe_report.run_recipe(name, quick, extra or [], parts)


@app.command()
@one_line_errors
def pool(
    names: Annotated[list[str], typer.Argument(help="Recipes that were run with --folds.")],
    out: Annotated[Path, typer.Option(file_okay=False)] = Path("pooled"),
    sites: Annotated[bool, typer.Option("--sites", help="Those run with --sites.")] = False,
) -> None:
    """Evaluate all folds of each of NAMES together, and the first of them against the others."""
    from scanvote import tracking
    from scanvote.pooling import pool

    params = load_params()
    with tracking.stage_run("pool", params=params, sections=("seed", "evaluate")) as run:
        run.log_metrics(pool(names, params, out, sites))
        run.log_folder(out)
