"""Prediction for a stream of files, of which a few batches are in memory at a time."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from scanvote.images.decode import Mask
from scanvote.inputs import DiscoveredInput, InputScan, Limits, RejectedFile, read_discovered
from scanvote.params import VolumesParams
from scanvote.pipeline.package import Package
from scanvote.predict.predictor import AT_ONCE, predict_in_parts
from scanvote.predict.schema import FileError, ScanPrediction

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
    package: Package, files: Iterable[DiscoveredInput], batch: int = AT_ONCE
) -> Iterator[ScanResult | FileError]:
    """Predict each scan of each file, in their order.

    A thread reads the next files while the networks process the current ones. A volume is read as
    a whole, so that each of its slices finds those beside it.

    Args:
        package: the finished model.
        files: from `scanvote.inputs.discover_inputs`.
        batch: scans that are predicted together; it changes the time, not the predictions.
    """
    items = _read(files, package.contents.volumes)
    for items_of_batch in _prefetch(_batches(items, batch)):
        scans = [item for item in items_of_batch if isinstance(item, InputScan)]
        predictions = predict_in_parts(package, scans, batch)
        for item in items_of_batch:
            yield item if isinstance(item, FileError) else ScanResult(item, *next(predictions))


def _read(
    files: Iterable[DiscoveredInput], volumes: VolumesParams
) -> Iterator[list[InputScan | FileError]]:
    """Yield the scans of each file, or the reason that there are none."""
    for file in files:
        try:
            scans = read_discovered(file, LIMITS, volumes)
            # `read_discovered` shortens long names
            yield [replace(scan, file=file.name) for scan in scans]
        except RejectedFile as error:
            yield [FileError(file=file.name, status=error.status, reason=str(error))]


def _batches(
    files: Iterable[list[InputScan | FileError]], max_items: int
) -> Iterator[list[InputScan | FileError]]:
    """Yield the items of one or more files, `max_items` or more; no file is cut in two."""
    batch, pixels = list[InputScan | FileError](), 0
    for items in files:
        batch += items
        pixels += sum(one.image.size // 3 for one in items if isinstance(one, InputScan))
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
