"""Command lines: one line and exit code 1 for a mistake of the user or a fault of the machine."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from traceback import walk_tb
from typing import ParamSpec, TypeVar

import typer

from scanvote.core.errors import InputError
from scanvote.core.home import use_writable_home
from scanvote.core.machine import machine_fault

P = ParamSpec("P")
R = TypeVar("R")


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn an InputError or a fault of the machine into one line and exit code 1.

    The line is on stderr. A library that is not installed, as one of an extra, is told of likewise.
    Ctrl-C prints "stopped" and exits with 130, as in a shell. Any other exception is a bug and
    keeps its traceback.
    """

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            result = command(*args, **kwargs)
            sys.stdout.flush()  # it may go to a full disk
            return result
        except KeyboardInterrupt:
            _print_error("stopped")
            raise typer.Exit(130) from None
        except typer.Exit:
            raise
        except Exception as error:
            line = machine_fault(error) or _mistake(error)
            if line is None:
                raise
            _print_error(line)
            raise typer.Exit(1) from None

    return guarded


def _mistake(error: Exception) -> str | None:
    if isinstance(error, InputError):
        return str(error)
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if name in ("", "scanvote"):
        return None
    extras = {"scanvote.serving": "serve", "scanvote.core.cluster": "cluster"}
    extra = next((one for package, one in extras.items() if _raised_in(package, error)), "cpu")
    return f"{name} is not installed, which this needs: pip install 'scanvote[{extra}]'"


def _raised_in(package: str, error: Exception) -> bool:
    frames = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(name.startswith(package) for name in frames)


def _print_error(line: str) -> None:
    with suppress(OSError):  # stderr may go to a full disk, too
        typer.secho(f"scanvote: {line}", fg=typer.colors.RED, err=True)
    try:
        sys.stdout.flush()
    except OSError:  # what is left cannot be printed, nor shall Python try again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_status(line: str) -> None:
    """Print a status line of a stage on standard error."""
    typer.secho(f"scanvote: {line}", err=True)


def run_stage(main: Callable[..., None]) -> None:
    """Run `main` as the command line of a stage script."""
    use_writable_home()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(help=main.__doc__)(one_line_errors(main))
    app()
