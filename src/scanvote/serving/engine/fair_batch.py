"""Batches that take scans from several files in turn."""

from collections import deque
from dataclasses import dataclass, field

from scanvote.inputs.scan import InputScan
from scanvote.serving.engine.messages import Submit
from scanvote.serving.engine_api import Examined


@dataclass(eq=False)
class BatchJob:
    """A decoded file, with the results of its scans so far.

    Attributes:
        ask: the request that submitted the file.
        scans: scans of the file; each becomes None after its prediction, to free memory.
        taken: number of scans already taken into a batch.
        results: results so far, by the scan's index in the file.
    """

    ask: Submit
    scans: list[InputScan | None]
    taken: int = 0
    results: dict[int, Examined] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return len(self.results) == len(self.scans)

    def keep(self, place: int, examined: Examined) -> None:
        self.results[place], self.scans[place] = examined, None


@dataclass(frozen=True)
class BatchPart:
    """One scan in a batch.

    Attributes:
        job: the file of the scan.
        place: index of the scan in the file.
        scan: the decoded scan.
    """

    job: BatchJob
    place: int
    scan: InputScan


def fair_batch(jobs: deque[BatchJob], max_scans: int) -> list[BatchPart]:
    """Take up to `max_scans` scans, one of each file in turn, repeatedly.

    With many files a batch holds few scans of each, with few files many. Files whose scans are
    all taken leave `jobs`; the others move behind the files that came later.
    """
    parts: list[BatchPart] = []
    while jobs and len(parts) < max_scans:
        job = jobs.popleft()
        scan = job.scans[job.taken]
        if scan is None:
            raise ValueError("a scan was dropped before it was taken into a batch")
        parts.append(BatchPart(job, job.taken, scan))
        job.taken += 1
        if job.taken < len(job.scans):
            jobs.append(job)
    return parts
