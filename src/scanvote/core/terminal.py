"""Command lines: one line and exit code 1 for a user's mistake."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer

from scanvote.core.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn an InputError into one line on stderr and exit code 1.

    Ctrl-C prints "stopped" and exits with 130, as in a shell. Any other exception is a bug and
    keeps its traceback.
    """

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except InputError as error:
            typer.secho(f"scanvote: {error}", fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.secho("scanvote: stopped", fg=typer.colors.RED, err=True)
            raise typer.Exit(130) from None

    return guarded


def print_status(line: str) -> None:
    """Print a status line of a stage on standard error."""
    typer.secho(f"scanvote: {line}", err=True)


def run_stage(main: Callable[..., None]) -> None:
    """Run `main` as the command line of a stage script."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(help=main.__doc__)(one_line_errors(main))
    app()
