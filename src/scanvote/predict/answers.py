"""Answers for files: rows of the table, and the pictures as the content of PNG files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scanvote.inputs import DiscoveredInput
from scanvote.params.whole import Method
from scanvote.pipeline.package import Package
from scanvote.predict.batches import ScanResult, predict_stream
from scanvote.predict.pictures import mask_png, overlay_png
from scanvote.predict.predictor import explain
from scanvote.predict.schema import FileError, ScanPrediction

Answer = tuple[ScanPrediction | FileError, dict[str, bytes]]
"""A row, and the pictures of its scan by kind."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of each scan.

    Attributes:
        masks: a picture of the mask.
        explain: method of a picture that explains the vote, None for no such picture.
        batch: scans per batch.
    """

    masks: bool
    explain: Method | None
    batch: int


def answers(package: Package, files: Iterable[DiscoveredInput], wanted: Wanted) -> Iterator[Answer]:
    """Yield the answers for the files, in the order of `predict_stream`."""
    for one in predict_stream(package, files, wanted.batch):
        if isinstance(one, FileError):
            yield one, {}
        else:
            yield one.finding, _pictures(package, one, wanted)


def _pictures(package: Package, one: ScanResult, wanted: Wanted) -> dict[str, bytes]:
    pictures = {}
    if wanted.masks and one.mask is not None:
        pictures["mask"] = mask_png(one.mask)
    if wanted.explain:
        heat = explain(package, one.scan, wanted.explain)["vote"]
        pictures["explanation"] = overlay_png(one.scan.image, heat)
    return pictures
