"""One function over many items, in a pool of processes, with a progress bar."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from scanvote.core.progress import progress_bar

Item = TypeVar("Item")
Result = TypeVar("Result")
# below it, starting processes costs more than the work they share
WORTH_A_POOL = 200


def parallel_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    text: str,
    processes: int | None = None,
) -> list[Result]:
    """`function` of every item, in the order of the items: `parallel_imap`, all at once."""
    return list(parallel_imap(function, items, text, processes))


def parallel_imap(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    text: str,
    processes: int | None = None,
) -> Iterator[Result]:
    """`function` of one item after the other, in the order of the items.

    Args:
        function: importable by name, as other processes call it.
        items: what it is called with, one at a time.
        text: what the progress bar says.
        processes: how many work; by default the processors of the machine. It changes
            the time, never the results.
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
    """`parallel_imap` without the bar; `chunk` items travel to a process together."""
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
