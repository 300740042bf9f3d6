"""The command `scanvote`: what is not a stage."""

import os
from typing import Annotated

import typer

from scanvote.terminal import one_line_errors

app = typer.Typer(
    help="Raw medical scans to an ensemble that can be defended. Research use, not for diagnosis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


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
