"""From files to findings, a batch after the other: memory does not grow with the files."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from scanvote.images.decode import Mask
from scanvote.inputs import DiscoveredInput, InputScan, Limits, RejectedFile, read_discovered
from scanvote.params import VolumesParams
from scanvote.pipeline.package import Package
from scanvote.predict.predictor import predict_with_masks
from scanvote.predict.schema import FileError, ScanPrediction

BATCH = 32
LIMITS = Limits(bytes=2**31)
"""Of files of one's own: a volume may be large."""
_PIXELS = 2**26
"""From which on a batch is full, however few its scans are: bounds the memory."""


@dataclass(frozen=True)
class ScanResult:
    """What is said of a scan, beside what it is said of.

    Attributes:
        scan: that was looked at.
        finding: what is said of it.
        mask: bool (H, W), what is marked.
    """

    scan: InputScan
    finding: ScanPrediction
    mask: Mask


def predict_stream(
    package: Package, files: Iterable[DiscoveredInput], batch: int = BATCH
) -> Iterator[ScanResult | FileError]:
    """What is said of each scan of each file, in their order.

    A thread reads the next batch while the networks look at this one.

    Args:
        package: that is asked.
        files: of `scanvote.inputs.gathered`.
        batch: scans that are examined together; it changes the time, not what is said.
    """
    items = _read(files, package.contents.volumes)
    for together in _ahead(_batches(items, batch)):
        scans = [item for item in together if isinstance(item, InputScan)]
        said = iter(predict_with_masks(package, scans))
        for item in together:
            yield item if isinstance(item, FileError) else ScanResult(item, *next(said))


def _read(
    files: Iterable[DiscoveredInput], volumes: VolumesParams
) -> Iterator[InputScan | FileError]:
    for file in files:
        try:
            for scan in read_discovered(file, LIMITS, volumes):
                yield replace(scan, file=file.name)  # whole, however long
        except RejectedFile as refused:
            yield FileError(file=file.name, status=refused.status, reason=str(refused))


def _batches(
    items: Iterable[InputScan | FileError], most: int
) -> Iterator[list[InputScan | FileError]]:
    batch, pixels = list[InputScan | FileError](), 0
    for item in items:
        batch.append(item)
        pixels += item.image.size // 3 if isinstance(item, InputScan) else 0
        if len(batch) >= most or pixels >= _PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _ahead(
    batches: Iterator[list[InputScan | FileError]],
) -> Iterator[list[InputScan | FileError]]:
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch
