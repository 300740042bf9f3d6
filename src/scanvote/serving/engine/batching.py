"""Which files the worker is asked of next, and which are asked again when it died."""

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
"""Where NIfTI-1 and NIfTI-2 have it."""
LOST = "the worker died of it twice; the file may be damaged in a way that we do not know"


@dataclass(eq=False)
class Request:
    """A task that somebody waits for.

    Attributes:
        answer: of it; done as soon as nobody waits.
        sent: when it last was, by the monotonic clock.
        deaths: of workers that were asked of it.
    """

    number: int
    task: Task
    answer: "asyncio.Future[list[Examined] | Explained]"
    sent: float = 0.0
    deaths: int = 0


@dataclass
class RequestQueue:
    """Requests that are alike in what they cost.

    Attributes:
        most: of them that the worker has at once.
        waiting: for the worker, the first first.
        sent: to it, by number, until it replies, also where nobody waits any longer.
    """

    most: int
    waiting: deque[Request] = field(default_factory=deque)
    sent: dict[int, Request] = field(default_factory=dict)

    def due(self) -> Iterator[Request]:
        """What is to be sent now; it counts as sent."""
        while self.waiting and len(self.sent) < self.most:
            request = self.waiting.popleft()
            self.sent[request.number], request.sent = request, monotonic()
            yield request


class Scheduler:
    """All requests that are not answered yet, within bounds.

    Images go to the worker as they come, two batches of them at a time: one is examined while
    the other is decoded. Volumes go one by one, so that they hold up no image and no two of them
    are in memory; explanations one by one too, beside both. A volume gives each batch what the
    images leave (`scanvote.serving.engine.fair_batch`).

    What a worker had when it died is suspect, and each file of it is asked again alone.
    """

    def __init__(self, batch: int, queue: int, held: int, explanations: int) -> None:
        self.images, self.volumes = RequestQueue(2 * batch), RequestQueue(1)
        self.explanations, self.suspects = RequestQueue(1), RequestQueue(1)
        self.queue, self.held, self.most_explanations = queue, held, explanations
        self._numbers = count(1)

    @property
    def lanes(self) -> list[RequestQueue]:
        return [self.suspects, self.images, self.volumes, self.explanations]

    @property
    def unanswered(self) -> int:
        """Requests that wait or are being worked on."""
        return sum(len(lane.waiting) + len(lane.sent) for lane in self.lanes)

    @property
    def predictions(self) -> list[Request]:
        """Those that the worker has."""
        lanes = (self.suspects, self.images, self.volumes)
        return [request for lane in lanes for request in lane.sent.values()]

    def add(self, task: Task) -> Request:
        """Take a task in.

        Raises:
            Busy: as many as may wait do.
        """
        lane = self._lane(task)
        self._check_room(task)
        request = Request(next(self._numbers), task, asyncio.get_running_loop().create_future())
        lane.waiting.append(request)
        return request

    def next_batch(self) -> list[Request]:
        """What is to be sent now; it counts as sent."""
        suspicious = self.suspects.waiting or self.suspects.sent
        lanes = [self.suspects] if suspicious else self.lanes
        return [request for lane in lanes for request in lane.due()]

    def complete(self, number: int) -> Request | None:
        """The worker is done with it, None if it never was asked."""
        found = [lane.sent.pop(number, None) for lane in self.lanes]
        return next((request for request in found if request), None)

    def cancel(self, request: Request) -> bool:
        """Nobody waits for it any longer; whether the worker has it."""
        for lane in self.lanes:
            if request in lane.waiting:
                lane.waiting.remove(request)
        return any(request.number in lane.sent for lane in self.lanes)

    def requeue(self) -> None:
        """The worker died: what it had is asked again, what it died of twice is not."""
        had = [request for lane in self.lanes for request in lane.sent.values()]
        for lane in self.lanes:
            lane.sent.clear()
        for request in had:
            request.deaths += 1
        again = [one for one in had if one.deaths == 1 and not one.answer.done()]
        predictions = [one for one in again if isinstance(one.task, Predict)]
        self.suspects.waiting.extend(sorted(predictions, key=lambda one: one.number))
        self.explanations.waiting.extendleft(one for one in again if one not in predictions)
        for request in had:
            if request.deaths > 1:
                refuse(request, WorkerDied(f"{request.task.upload.name}: {LOST}"))

    def refuse_all(self, error: Exception) -> None:
        """Nothing can be worked on."""
        for lane in self.lanes:
            for request in (*lane.waiting, *lane.sent.values()):
                refuse(request, error)
            lane.waiting.clear()

    def _lane(self, task: Task) -> RequestQueue:
        if isinstance(task, Explain):
            return self.explanations
        return self.volumes if is_volume(task.upload.content) else self.images

    def _check_room(self, task: Task) -> None:
        if isinstance(task, Explain):
            unfinished = len(self.explanations.waiting) + len(self.explanations.sent)
            if unfinished >= self.most_explanations:
                raise QueueFull("enough explanations wait already; ask again later")
        elif len(self.images.waiting) + len(self.volumes.waiting) >= self.queue:
            raise QueueFull(f"{self.queue} files wait already; ask again later")
        if self._bytes() + len(task.upload.content) > self.held:
            raise QueueFull("the files that wait fill the memory; ask again later")

    def _bytes(self) -> int:
        requests = (one for lane in self.lanes for one in (*lane.waiting, *lane.sent.values()))
        return sum(len(one.task.upload.content) for one in requests)


def refuse(request: Request, error: Exception) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)


def is_volume(content: bytes) -> bool:
    """Whether a file may hold many slices, and so take long; its own format tells."""
    magic = {content[at : at + 3] for at in _NIFTI_MAGIC}
    return content.startswith(_GZIP) or content[128:132] == _DICOM or bool(magic & set(_NIFTI))
