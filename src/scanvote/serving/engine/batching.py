"""Scheduling of files to the worker, and retries after its death."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

from scanvote.serving.engine.messages import Explain, Predict, Task
from scanvote.serving.engine_api import Examined, Explained, QueueFull, WorkerDied

_GZIP, _DICOM, _NIFTI = b"\x1f\x8b", b"DICM", (b"n+1", b"n+2", b"ni1", b"ni2")
_NIFTI_MAGIC = (344, 4)
"""Offsets of the magic bytes in NIfTI-1 and NIfTI-2."""
LOST = "the worker died on this file twice; the file may be damaged in an unknown way"


@dataclass(eq=False)
class Request:
    """A task with the future of its answer.

    Attributes:
        answer: future of the answer; done as soon as nobody waits.
        sent: monotonic time at which the task was last sent to a worker.
        deaths: number of workers that died while they had the task.
    """

    number: int
    task: Task
    answer: "asyncio.Future[list[Examined] | Explained]"
    sent: float = 0.0
    deaths: int = 0


@dataclass
class RequestQueue:
    """Requests of similar cost.

    Attributes:
        max_sent: maximum number that the worker has at once.
        waiting: requests not sent yet, in the order of their arrival.
        sent: requests in the worker by number, until it replies, even if nobody waits any longer.
    """

    max_sent: int
    waiting: deque[Request] = field(default_factory=deque)
    sent: dict[int, Request] = field(default_factory=dict)

    def take_due(self) -> Iterator[Request]:
        """Yield the requests to send now, and mark them as sent."""
        while self.waiting and len(self.sent) < self.max_sent:
            request = self.waiting.popleft()
            self.sent[request.number], request.sent = request, monotonic()
            yield request


class Scheduler:
    """All unanswered requests, limited in number and memory.

    Images go to the worker as they arrive, two batches of them at a time: one is predicted while
    the other is decoded. Volumes go one by one, so that they delay no image and no two of them
    are in memory; explanations also go one by one, beside both. A volume fills the part of each
    batch that the images leave (`scanvote.serving.engine.fair_batch`).

    Every prediction that a worker had when it died is suspect, and is retried alone.

    Args:
        batch: maximum number of scans in a batch.
        queue: maximum number of files that wait for the worker.
        held: maximum bytes of all unanswered files.
        explanations: maximum number of unanswered explanations.
    """

    def __init__(self, batch: int, queue: int, held: int, explanations: int) -> None:
        self.images, self.volumes = RequestQueue(2 * batch), RequestQueue(1)
        self.explanations, self.suspects = RequestQueue(1), RequestQueue(1)
        self.max_waiting, self.max_bytes, self.max_explanations = queue, held, explanations
        self._numbers = count(1)

    @property
    def queues(self) -> list[RequestQueue]:
        return [self.suspects, self.images, self.volumes, self.explanations]

    @property
    def unanswered(self) -> int:
        """Number of requests that wait or are being processed."""
        return sum(len(queue.waiting) + len(queue.sent) for queue in self.queues)

    @property
    def predictions(self) -> list[Request]:
        """Predictions that the worker has."""
        queues = (self.suspects, self.images, self.volumes)
        return [request for queue in queues for request in queue.sent.values()]

    def add(self, task: Task) -> Request:
        """Enqueue a task.

        Raises:
            QueueFull: the number of requests or the memory is at its limit.
        """
        queue = self._queue_for(task)
        self._check_limits(task)
        request = Request(next(self._numbers), task, asyncio.get_running_loop().create_future())
        queue.waiting.append(request)
        return request

    def next_batch(self) -> list[Request]:
        """Return the requests to send now, and mark them as sent."""
        suspicious = self.suspects.waiting or self.suspects.sent
        queues = [self.suspects] if suspicious else self.queues
        return [request for queue in queues for request in queue.take_due()]

    def complete(self, number: int) -> Request | None:
        """Remove and return a finished request; None if it is unknown."""
        removed = [queue.sent.pop(number, None) for queue in self.queues]
        return next((request for request in removed if request), None)

    def cancel(self, request: Request) -> bool:
        """Withdraw a request, and return whether the worker still has it."""
        for queue in self.queues:
            if request in queue.waiting:
                queue.waiting.remove(request)
        return any(request.number in queue.sent for queue in self.queues)

    def requeue(self) -> None:
        """Retry what the dead worker had; fail requests after two deaths."""
        interrupted = [request for queue in self.queues for request in queue.sent.values()]
        for queue in self.queues:
            queue.sent.clear()
        for request in interrupted:
            request.deaths += 1
        retried = [one for one in interrupted if one.deaths == 1 and not one.answer.done()]
        predictions = [one for one in retried if isinstance(one.task, Predict)]
        self.suspects.waiting.extend(sorted(predictions, key=lambda one: one.number))
        self.explanations.waiting.extendleft(one for one in retried if one not in predictions)
        for request in interrupted:
            if request.deaths > 1:
                refuse(request, WorkerDied(f"{request.task.upload.name}: {LOST}"))

    def refuse_all(self, error: Exception) -> None:
        """Fail all requests with `error`, because no worker can process them."""
        for queue in self.queues:
            for request in (*queue.waiting, *queue.sent.values()):
                refuse(request, error)
            queue.waiting.clear()

    def _queue_for(self, task: Task) -> RequestQueue:
        if isinstance(task, Explain):
            return self.explanations
        return self.volumes if is_volume(task.upload.content) else self.images

    def _check_limits(self, task: Task) -> None:
        if isinstance(task, Explain):
            unfinished = len(self.explanations.waiting) + len(self.explanations.sent)
            if unfinished >= self.max_explanations:
                raise QueueFull("enough explanations wait already; ask again later")
        elif len(self.images.waiting) + len(self.volumes.waiting) >= self.max_waiting:
            raise QueueFull(f"{self.max_waiting} files wait already; ask again later")
        if self._held_bytes() + len(task.upload.content) > self.max_bytes:
            raise QueueFull("the files that wait fill the memory; ask again later")

    def _held_bytes(self) -> int:
        return sum(
            len(request.task.upload.content)
            for queue in self.queues
            for request in (*queue.waiting, *queue.sent.values())
        )


def refuse(request: Request, error: Exception) -> None:
    """Fail the request with `error`, unless it is already done."""
    if not request.answer.done():
        request.answer.set_exception(error)


def is_volume(content: bytes) -> bool:
    """Return whether a file's format may hold many slices.

    Such a file may take long. The content decides, not the name.
    """
    magic = {content[at : at + 3] for at in _NIFTI_MAGIC}
    return content.startswith(_GZIP) or content[128:132] == _DICOM or bool(magic & set(_NIFTI))
