"""What was asked of late, in memory alone: for pictures, explanations and downloads of a result."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from scanvote.params.whole import Method
from scanvote.predict.schema import FileError
from scanvote.serving.engine_api import Examined, Explained, Upload

BYTES = 512 * 2**20
SECONDS = 30 * 60.0
RESULTS = 1024


@dataclass(frozen=True)
class CachedScan:
    """One scan of what was asked.

    Attributes:
        upload: the file that it came in.
        place: of the scan in the file, from 0.
        examined: what was said of it.
        explained: of it, by method, as it was asked for.
    """

    upload: Upload
    place: int
    examined: Examined
    explained: dict[Method, Explained] = field(default_factory=dict)


@dataclass(frozen=True)
class CachedResult:
    """What one request held: the scans, numbered from 0, and the files that were refused."""

    scans: tuple[CachedScan, ...]
    refusals: tuple[FileError, ...] = ()

    @property
    def bytes(self) -> int:
        """What it takes up in memory, nearly."""
        files = {id(one.upload): len(one.upload.content) for one in self.scans}
        return sum(files.values()) + sum(map(_pictures, self.scans))


def _pictures(shown: CachedScan) -> int:
    made = shown.explained.values()
    maps = [len(png) for one in made for png in (one.scan, *one.maps.values())]
    return len(shown.examined.scan) + len(shown.examined.mask) + sum(maps)


class ResultCache:
    """Results by ids that nobody can guess; the oldest go first, and all after a while.

    Args:
        bytes: that all of them may take up together; the newest is kept though it takes more.
        seconds: after which a result is forgotten.
        results: that are kept at most.
        now: a clock that never goes back.

    Threads may share it.
    """

    def __init__(
        self,
        bytes: int = BYTES,
        seconds: float = SECONDS,
        results: int = RESULTS,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.seconds = seconds
        self._bytes, self._results, self._now = bytes, results, now
        self._changing = Lock()
        self._kept: dict[str, tuple[float, CachedResult]] = {}

    def keep(self, asked: CachedResult) -> str:
        """The id under which it is had again: 128 random bits, for an address."""
        name = secrets.token_urlsafe(16)
        with self._changing:
            self._kept[name] = (self._now(), asked)
        self.evict()
        return name

    def get(self, name: str) -> CachedResult | None:
        """None if there is no such result, or it is forgotten."""
        since, asked = self._kept.get(name, (0.0, None))
        return asked if self._now() - since < self.seconds else None

    def evict(self) -> None:
        """Forget what is too old, and of the rest the oldest, until it fits."""
        with self._changing:
            oldest = self._now() - self.seconds
            kept = [one for one in self._kept.items() if one[1][0] > oldest][-self._results :]
            sizes = [asked.bytes for _, (_, asked) in kept]
            while len(kept) > 1 and sum(sizes) > self._bytes:
                del kept[0], sizes[0]
            self._kept = dict(kept)

    def __len__(self) -> int:
        return len(self._kept)
