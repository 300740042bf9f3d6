"""A progress bar on standard error, silent unless it is a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """A callback that reports the progress of the work."""

    def __call__(self, done: float, total: float, note: str = "") -> None: ...


@contextmanager
def progress_bar(text: str) -> Iterator[Progress]:
    """Show a progress bar with the time left and a note."""
    if not sys.stderr.isatty():  # rich takes a tenth of a second to import
        yield lambda done, total, note="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(text, total=None, note="")

        def progress(done: float, total: float, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield progress
