"""One progress bar for long work, on standard error, silent where nobody looks."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Advance = Callable[..., None]


@contextmanager
def track(what: str, total: int) -> Iterator[Advance]:
    """Show how much of `total` is done; call what is yielded after each step.

    The function yielded takes the keyword `note`, a word on the state of the work.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        bar_id = bar.add_task(what, total=total, note="")

        def advance(steps: float = 1, note: str | None = None) -> None:
            bar.update(bar_id, advance=steps, **({} if note is None else {"note": note}))

        yield advance
