"""Calls spread over workers: processes of this machine, or those of a Dask scheduler."""

import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from scanvote.core.backend import visible_gpus
from scanvote.core.child import Child, ProcessDied
from scanvote.core.errors import InputError
from scanvote.core.processors import allowed_processors
from scanvote.core.progress import progress_bar

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
DIED = (
    "most likely for want of memory; end other programs, or set fewer `compute.workers`, and run"
    " again"
)
_scheduler, _workers = "processes", cast("int | None", None)


@dataclass(frozen=True)
class Files:
    """Files of a call, here, by their path in the working directory of a worker without this disk.

    Attributes:
        reads: read by this call only.
        writes: files, or folders of files, that it writes.
        kept: read by many calls; they travel once a worker.
    """

    reads: Mapping[str, Path] = field(default_factory=dict)
    writes: Mapping[str, Path] = field(default_factory=dict)
    kept: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def to_read(cls, paths: Iterable[Path]) -> "Files":
        """Return files that the call reads by these paths, relative to the working directory."""
        return cls({path.as_posix(): path for path in paths})

    def __add__(self, other: "Files") -> "Files":
        return Files(
            {**self.reads, **other.reads},
            {**self.writes, **other.writes},
            {**self.kept, **other.kept},
        )

    def here(self, name: str) -> Path:
        """Return the place here of a file that the call wrote, perhaps in a folder of `writes`."""
        for written, path in self.writes.items():
            if Path(name).is_relative_to(written):
                return path / Path(name).relative_to(written)
        raise ValueError(f"{name} is none of the files that the call writes")


FilesOf = Callable[[Item], Files]


class Answer(Future[Any]):
    """The result of a call, and the name of the worker that made it."""

    worker = ""


@dataclass(eq=False)
class Call:
    """A call that waits for a worker.

    Attributes:
        text: what it does, for a person who watches.
        training: it takes a whole worker, with its GPU.
        deaths: workers that ended during it.
        dropped: nobody waits for it any more.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    files: Files
    text: str
    training: bool
    deaths: int = 0
    dropped: bool = False
    answer: Answer = field(default_factory=Answer)

    @property
    def payload(self) -> bytes:
        return pickle.dumps((self.function, self.arguments))


class Pool:
    """Calls in the order of their submission, each taken by the next free worker.

    Attributes:
        doing: what each worker does that is at work, by its name.
    """

    def __init__(self) -> None:
        self.doing: dict[str, str] = {}
        self._waiting, self._changed, self._closed = deque[Call](), threading.Condition(), False

    @property
    def size(self) -> int:
        """Number of calls that can be made at once."""
        raise NotImplementedError

    def summary(self) -> str:
        """Say how many workers there are, and what they do."""
        doing = ", ".join(f"{name} {text}" for name, text in sorted({**self.doing}.items()))
        return f"{self.size} worker{'' if self.size == 1 else 's'}: {doing or 'none at work'}"

    def submit(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        files: Files | None = None,
        text: str = "",
        training: bool = False,
    ) -> Answer:
        """Return the answer to come of a call; `function` is importable by name."""
        call = Call(function, arguments, files or Files(), text, training)
        self._put(call)
        return call.answer

    def close(self) -> None:
        """Drop the calls that wait, and end the workers."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _put(self, call: Call, first: bool = False) -> None:
        with self._changed:
            self._waiting.insert(0 if first else len(self._waiting), call)
            self._changed.notify_all()

    def _take(self, accepts: Callable[[Call], bool] = lambda call: True) -> Call | None:
        """Wait for a call that is accepted; None when the pool is closed."""
        with self._changed:
            while not self._closed:
                for call in self._waiting:
                    if accepts(call):
                        self._waiting.remove(call)
                        return call
                self._changed.wait()
        return None

    def _make(self, call: Call, worker: str, make: Callable[[Call], Any]) -> None:
        """Let a worker make a call, and hand over its result or exception."""
        self.doing[worker], call.answer.worker = call.text, worker
        try:
            call.answer.set_result(make(call))
        except Exception as error:
            call.answer.set_exception(error)
        finally:
            self.doing.pop(worker, None)


class LocalPool(Pool):
    """Processes of this machine, spread over its GPUs."""

    def __init__(self, processes: int) -> None:
        super().__init__()
        self._children = [Child(gpu_of(number)) for number in range(processes)]
        for number, child in enumerate(self._children, 1):
            threading.Thread(
                target=self._serve, args=(f"process {number}", child), daemon=True
            ).start()

    @property
    def size(self) -> int:
        return len(self._children)

    def close(self) -> None:
        super().close()
        for child in self._children:
            child.close()

    def _serve(self, name: str, child: Child) -> None:
        while (call := self._take()) is not None:
            self._make(call, name, lambda call: self._call(child, call))

    def _call(self, child: Child, call: Call) -> Any:
        try:
            return child.call(call.payload)
        except ProcessDied:
            raise InputError(
                f"one of the {self.size} processes that share the work died, {DIED}"
            ) from None


def gpu_of(number: int) -> dict[str, str]:
    """Return the variable that gives worker `number` a GPU of its own, if there are any."""
    gpus = visible_gpus()
    return {"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} if gpus else {}


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
