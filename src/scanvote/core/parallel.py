"""Map a function over many items, spread over the workers that `compute` names."""

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar, cast

from scanvote.core.child import Child, ProcessDied
from scanvote.core.errors import InputError
from scanvote.core.pool import DIED, Answer, Files, LocalPool, Pool
from scanvote.core.processors import allowed_processors
from scanvote.core.progress import progress_bar

__all__ = [
    "Answer",
    "Files",
    "LocalPool",
    "Pool",
    "blocks",
    "open_pool",
    "parallel_imap",
    "parallel_map",
    "processes_for",
    "results",
    "run_in_process",
    "use_compute",
    "workers",
]

Item = TypeVar("Item")
Result = TypeVar("Result")
WORTH_A_POOL = 200
"""Items below which starting processes costs more than the work they share."""
SMALL_BLOCK, BLOCK, BLOCK_BYTES = 16, 256, 1 << 25
"""Items that travel to a worker at once at least and at most, and the bytes of their files.

A call over a Dask scheduler takes 18 ms of processor time, as much as a dozen small images.
"""
SHARES = 64
"""Blocks to make of many items, so that all workers have some to the end."""
FilesOf = Callable[[Item], Files]
_scheduler, _workers = "processes", cast("int | None", None)


def use_compute(scheduler: str, workers: int | None) -> None:
    """Choose the workers of this process, as the section `compute` of params.yaml does."""
    global _scheduler, _workers
    _scheduler, _workers = scheduler, workers


def workers() -> int:
    """Return how many networks are trained at once: 1 in this process, 0 where a scheduler is."""
    return (_workers or 1) if _scheduler == "processes" else 0


@contextmanager
def open_pool(processes: int, anywhere: bool = True) -> Iterator[Pool]:
    """Open the workers of `use_compute` for the block.

    Args:
        processes: number of processes if no scheduler is named.
        anywhere: the calls name their files, so that a worker without this disk can make them.
    """
    if _scheduler == "processes" or not anywhere:
        pool: Pool = LocalPool(processes)
    else:
        from scanvote.core.cluster import connected  # Dask, which only a scheduler needs

        pool = connected(_scheduler, _workers)
    try:
        yield pool
    finally:
        pool.close()


def parallel_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    text: str,
    processes: int | None = None,
    files: FilesOf[Item] | None = None,
) -> list[Result]:
    """Return the results of `parallel_imap` as a list."""
    return list(parallel_imap(function, items, text, processes, files))


def parallel_imap(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    text: str,
    processes: int | None = None,
    files: FilesOf[Item] | None = None,
) -> Iterator[Result]:
    """Yield `function` of each item in order, and show a progress bar.

    Args:
        function: importable by name, because other processes call it.
        items: its arguments, one per call.
        text: the label of the progress bar.
        processes: the number of processes; by default one for few items, else as many as
            processors are allowed. It changes the time, never the results.
        files: returns the files of an item; without it no worker of another machine helps.
    """
    if processes is None:
        processes = processes_for(len(items))
    block = max(SMALL_BLOCK, min(BLOCK, len(items) // SHARES)) if files else SMALL_BLOCK
    with progress_bar(text) as progress:
        made = results(function, items, processes, block, files)
        for done, result in enumerate(made, 1):
            yield result
            progress(done, len(items))


def processes_for(items: int, worth_a_pool: int | None = None) -> int:
    """Return how many processes to start for so many items: one, which is this, for few.

    Args:
        items: the number of items.
        worth_a_pool: the least number of items that are not few; by default `WORTH_A_POOL`.
    """
    least = WORTH_A_POOL if worth_a_pool is None else worth_a_pool
    if items < least:
        return 1
    # those of a scheduler help a machine of one processor, too
    return allowed_processors() if _scheduler == "processes" else max(2, allowed_processors())


def results(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    processes: int,
    chunk: int = 1,
    files: FilesOf[Item] | None = None,
) -> Iterator[Result]:
    """Yield as `parallel_imap` does, without the bar, in blocks of at most `chunk` items.

    Raises:
        InputError: a process died.
    """
    if processes <= 1:
        yield from map(function, items)
        return
    with open_pool(processes, files is not None) as pool:
        awaited = deque[Answer]()
        for block, theirs in blocks(items, chunk, files):
            awaited.append(pool.submit(_each, function, block, files=theirs))
            if len(awaited) > 2 * pool.size + 1:  # so that memory does not grow with the items
                yield from awaited.popleft().result()
        while awaited:
            yield from awaited.popleft().result()


def run_in_process(function: Callable[[Item], Result], item: Item, **environment: str) -> Result:
    """Return `function(item)`, called in a process of its own with these variables.

    Raises:
        InputError: the process died.
    """
    child = Child(environment)
    try:
        return cast(Result, child.call(pickle.dumps((function, (item,)))))
    except ProcessDied:
        raise InputError(f"a process that shares the work died, {DIED}") from None
    finally:
        child.close()


def blocks(
    items: Iterable[Item], chunk: int, files: FilesOf[Item] | None
) -> Iterator[tuple[list[Item], Files]]:
    """Yield the items of a call and their files, which are of limited size together."""
    block, joined, size = list[Item](), Files(), 0
    for item in items:
        block.append(item)
        if files is not None:
            joined = joined + (own := files(item))
            size += sum(path.stat().st_size for path in own.reads.values() if path.exists())
        if len(block) == chunk or size >= BLOCK_BYTES:
            yield block, joined
            block, joined, size = [], Files(), 0
    if block:
        yield block, joined


def _each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    import cv2

    cv2.setNumThreads(1)  # the processes share the processors
    return [function(item) for item in items]
