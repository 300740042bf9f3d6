"""A queue of calls, each taken by the next free worker: here processes of this machine."""

import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanvote.core.backend import visible_gpus
from scanvote.core.child import Child, ProcessDied
from scanvote.core.errors import InputError

DIED = (
    "most likely for want of memory; end other programs, or set fewer `compute.workers`, and run"
    " again"
)


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
        self._threads = [
            threading.Thread(target=self._serve, args=(f"process {number}", child), daemon=True)
            for number, child in enumerate(self._children, 1)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def size(self) -> int:
        return len(self._children)

    def close(self) -> None:
        super().close()
        for child in self._children:
            child.kill()
        for thread in self._threads:
            thread.join()

    def _serve(self, name: str, child: Child) -> None:
        with closing(child):
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
