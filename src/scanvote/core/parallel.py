"""Map a function over many items in a pool of processes."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from scanvote.core.progress import progress_bar

Item = TypeVar("Item")
Result = TypeVar("Result")
WORTH_A_POOL = 200
"""Items below which starting processes costs more than the work they share."""


def parallel_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    text: str,
    processes: int | None = None,
) -> list[Result]:
    """Return the results of `parallel_imap` as a list."""
    return list(parallel_imap(function, items, text, processes))


def parallel_imap(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    text: str,
    processes: int | None = None,
) -> Iterator[Result]:
    """Yield `function` of each item in order, and show a progress bar.

    Args:
        function: importable by name, because other processes call it.
        items: its arguments, one per call.
        text: the label of the progress bar.
        processes: the number of processes; by default one for few items, else as many as the
            machine has processors. It changes the time, never the results.
    """
    if processes is None:
        processes = (os.cpu_count() or 1) if len(items) >= WORTH_A_POOL else 1
    with progress_bar(text) as progress:
        for done, result in enumerate(results(function, items, processes, chunk=16), 1):
            yield result
            progress(done, len(items))


def results(
    function: Callable[[Item], Result], items: Sequence[Item], processes: int, chunk: int = 1
) -> Iterator[Result]:
    """Yield as `parallel_imap` does, without the bar, sending `chunk` items at once."""
    if processes <= 1:
        yield from map(function, items)
        return
    # a forked child could inherit a lock that an OpenCV or BLAS thread holds
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_one_thread) as pool:
        yield from pool.map(function, items, chunksize=chunk)


def _one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)
