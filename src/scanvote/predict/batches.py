"""Prediction for a stream of files, batch by batch, in constant memory."""

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
"""Limits for the user's own files; a volume may be large."""
_PIXELS = 2**26
"""Pixels that fill a batch, even with few scans, to bound the memory."""


@dataclass(frozen=True)
class ScanResult:
    """A scan with its prediction.

    Attributes:
        scan: the scan.
        finding: its prediction.
        mask: tumour mask, bool (H, W); None if the model marks none.
    """

    scan: InputScan
    finding: ScanPrediction
    mask: Mask | None


def predict_stream(
    package: Package, files: Iterable[DiscoveredInput], batch: int = BATCH
) -> Iterator[ScanResult | FileError]:
    """Predict each scan of each file, in their order.

    A thread reads the next batch while the networks process the current one.

    Args:
        package: the finished model.
        files: from `scanvote.inputs.discover_inputs`.
        batch: scans per batch; it changes the time, not the predictions.
    """
    items = _read(files, package.contents.volumes)
    for items_of_batch in _prefetch(_batches(items, batch)):
        scans = [item for item in items_of_batch if isinstance(item, InputScan)]
        predictions = iter(predict_with_masks(package, scans))
        for item in items_of_batch:
            yield item if isinstance(item, FileError) else ScanResult(item, *next(predictions))


def _read(
    files: Iterable[DiscoveredInput], volumes: VolumesParams
) -> Iterator[InputScan | FileError]:
    for file in files:
        try:
            for scan in read_discovered(file, LIMITS, volumes):
                yield replace(scan, file=file.name)  # `read_discovered` shortens long names
        except RejectedFile as error:
            yield FileError(file=file.name, status=error.status, reason=str(error))


def _batches(
    items: Iterable[InputScan | FileError], max_items: int
) -> Iterator[list[InputScan | FileError]]:
    batch, pixels = list[InputScan | FileError](), 0
    for item in items:
        batch.append(item)
        pixels += item.image.size // 3 if isinstance(item, InputScan) else 0
        if len(batch) >= max_items or pixels >= _PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _prefetch(
    batches: Iterator[list[InputScan | FileError]],
) -> Iterator[list[InputScan | FileError]]:
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(next, batches, None)
        while (batch := upcoming.result()) is not None:
            upcoming = reader.submit(next, batches, None)
            yield batch
