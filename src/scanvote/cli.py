"""The command `scanvote`: what is not a stage."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from scanvote.terminal import one_line_errors

app = typer.Typer(
    help="Raw medical scans to an ensemble that can be defended. Research use, not for diagnosis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

data_app = typer.Typer(help="Look at data before they are used.", no_args_is_help=True)
app.add_typer(data_app, name="data")


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
