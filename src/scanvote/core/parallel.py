"""Map a function over many items in a pool of processes."""

import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import TypeVar, cast

from scanvote.core.errors import InputError
from scanvote.core.processors import allowed_processors
from scanvote.core.progress import progress_bar
from scanvote.core.terminal import print_status

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
        processes: the number of processes; by default one for few items, else as many as
            processors are allowed. It changes the time, never the results.
    """
    if processes is None:
        processes = processes_for(len(items))
    with progress_bar(text) as progress:
        for done, result in enumerate(results(function, items, processes, chunk=16), 1):
            yield result
            progress(done, len(items))


def processes_for(items: int, worth_a_pool: int | None = None) -> int:
    """Return how many processes to start for so many items: one for few.

    Args:
        items: the number of items.
        worth_a_pool: the least number of items that are not few; by default `WORTH_A_POOL`.
    """
    least = WORTH_A_POOL if worth_a_pool is None else worth_a_pool
    return allowed_processors() if items >= least else 1


def results(
    function: Callable[[Item], Result], items: Sequence[Item], processes: int, chunk: int = 1
) -> Iterator[Result]:
    """Yield as `parallel_imap` does, without the bar, sending `chunk` items at once.

    Raises:
        InputError: a process died.
    """
    if processes <= 1 or not have_semaphores():
        yield from map(function, items)
        return
    # a forked child could inherit a lock that an OpenCV or BLAS thread holds
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_one_thread) as pool:
        try:
            yield from pool.map(function, items, chunksize=chunk)
        except BrokenProcessPool:
            raise InputError(
                f"one of the {processes} processes that share the work died, most likely for want"
                " of memory; end other programs, and run again"
            ) from None


def have_semaphores() -> bool:
    """Tell whether this machine can have a pool of processes, and say so if not.

    A pool needs semaphores, which need a writable /dev/shm; some containers have none.
    """
    try:
        multiprocessing.get_context("spawn").Lock()
    except (OSError, ImportError) as error:
        reason = " ".join(str(error).split())
        print_status(f"no semaphores here, see /dev/shm ({reason}): one process does all the work")
        return False
    return True


def run_in_process(function: Callable[[Item], Result], item: Item) -> Result:
    """Return `function(item)`, called in a process of its own that needs no semaphores.

    Args:
        function: importable by name.
        item: its argument.

    Raises:
        InputError: the process died.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(theirs, function, item))
    process.start()
    theirs.close()  # otherwise its death would not close the pipe
    try:
        succeeded, result = ours.recv()
    except EOFError:
        raise InputError(
            "a process that shares the work died, most likely for want of memory; end other"
            " programs, and run again"
        ) from None
    except BaseException:
        process.terminate()
        raise
    finally:
        process.join()
    if not succeeded:
        raise result
    return cast(Result, result)


def _send_result(pipe: Connection, function: Callable[[Item], Result], item: Item) -> None:
    answer: tuple[bool, object]
    try:
        answer = True, function(item)
    except Exception as error:
        error.add_note(traceback.format_exc())
        answer = False, error
    pipe.send(answer)


def _one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)
