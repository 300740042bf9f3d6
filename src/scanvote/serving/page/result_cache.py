"""In-memory cache of recent results, for pictures, explanations and downloads."""

import secrets
from collections.abc import Callable, Iterator
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
    """One scan of a cached result.

    Attributes:
        upload: the file of the scan.
        place: index of the scan in the file, from 0.
        examined: the prediction for the scan.
        explained: explanations requested so far, by method.
    """

    upload: Upload
    place: int
    examined: Examined
    explained: dict[Method, Explained] = field(default_factory=dict)

    def contents(self) -> Iterator[bytes]:
        """Yield the file and all pictures."""
        yield from (self.upload.content, self.examined.scan, self.examined.mask)
        for one in self.explained.values():
            yield from (one.scan, *one.maps.values())


@dataclass(frozen=True)
class CachedResult:
    """Results of one request: scans, numbered from 0, and refused files."""

    scans: tuple[CachedScan, ...]
    refusals: tuple[FileError, ...] = ()

    @property
    def bytes(self) -> int:
        """Approximate memory of the result in bytes; slices share their file."""
        held = {id(one): len(one) for scan in self.scans for one in scan.contents()}
        return sum(held.values())


class ResultCache:
    """Thread-safe cache of results by unguessable ids, limited in memory and time.

    The oldest results are evicted first.

    Args:
        bytes: maximum memory of all results; the newest is kept even if it takes more.
        seconds: seconds after which a result is evicted.
        results: maximum number of results.
        now: a monotonic clock.
    """

    def __init__(
        self,
        bytes: int = BYTES,
        seconds: float = SECONDS,
        results: int = RESULTS,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.seconds = seconds
        self._bytes, self._max_results, self._now = bytes, results, now
        self._lock = Lock()
        self._results_by_id: dict[str, tuple[float, CachedResult]] = {}

    def keep(self, result: CachedResult) -> str:
        """Store a result, and return its id: 128 random bits, URL-safe."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._results_by_id[name] = (self._now(), result)
        self.evict()
        return name

    def get(self, name: str) -> CachedResult | None:
        """Return a result; None if it is unknown or has expired."""
        since, result = self._results_by_id.get(name, (0.0, None))
        return result if self._now() - since < self.seconds else None

    def evict(self) -> None:
        """Remove expired results, then the oldest until the others fit."""
        with self._lock:
            expired = self._now() - self.seconds
            kept = [one for one in self._results_by_id.items() if one[1][0] > expired][
                -self._max_results :
            ]
            sizes = [result.bytes for _, (_, result) in kept]
            while len(kept) > 1 and sum(sizes) > self._bytes:
                del kept[0], sizes[0]
            self._results_by_id = dict(kept)

    def __len__(self) -> int:
        return len(self._results_by_id)
