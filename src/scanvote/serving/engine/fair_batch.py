"""Batches of scans of several files, each of which has its turn."""

from collections import deque
from dataclasses import dataclass, field

from scanvote.inputs.scan import InputScan
from scanvote.serving.engine.messages import Submit
from scanvote.serving.engine_api import Examined


@dataclass(eq=False)
class BatchJob:
    """A file that is decoded.

    Attributes:
        scans: of it; forgotten one by one when they are examined.
        taken: how many were put into a batch.
        found: by place, of those that are examined.
    """

    ask: Submit
    scans: list[InputScan | None]
    taken: int = 0
    found: dict[int, Examined] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return len(self.found) == len(self.scans)

    def keep(self, place: int, examined: Examined) -> None:
        self.found[place], self.scans[place] = examined, None


@dataclass(frozen=True)
class BatchPart:
    """One scan of a file."""

    job: BatchJob
    place: int
    scan: InputScan


def fair_batch(jobs: deque[BatchJob], most: int) -> list[BatchPart]:
    """At most `most` scans, one of each file and round again: few of many, many of few.

    Files of which all scans are taken leave `jobs`; the others are behind those that came later.
    """
    parts: list[BatchPart] = []
    while jobs and len(parts) < most:
        job = jobs.popleft()
        scan = job.scans[job.taken]
        if scan is None:
            raise ValueError("a scan that was not taken is forgotten")
        parts.append(BatchPart(job, job.taken, scan))
        job.taken += 1
        if job.taken < len(job.scans):
            jobs.append(job)
    return parts
