"""From scans to the rows of shards: strip, crop, resize, normalise, augment."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scanvote.arrays import Row, rows_per_shard, write_shards
from scanvote.core.seeds import rng
from scanvote.images.augment import augment
from scanvote.images.crop import Box, crop
from scanvote.images.decode import Mask, decode_image, decode_mask
from scanvote.images.intensity import Counts, normalise, tissue_counts
from scanvote.images.preprocess import CroppedScan, crop_scan, resized
from scanvote.images.resize import pixel_size, resize_mask
from scanvote.params import Params, PrepareTask, Task
from scanvote.splits.groups import SPLITS

Scan = dict[Any, Any]
"""A row of the manifest."""


@dataclass(frozen=True)
class ShardSpec:
    """The rows of one shard, known before any is made.

    Attributes:
        split: of the scans.
        number: of the shard in its split.
        rows: which of the split's rows; each scan has `each`, itself and its copies.
        each: 1, and the copies of a training scan.
        scans: those that the rows are made of; the first and the last may have other rows
            in the shards beside this one.
    """

    split: str
    number: int
    rows: range
    each: int
    scans: pd.DataFrame

    def wanted(self) -> Iterator[tuple[Scan, range]]:
        """Each scan, and which of its rows: 0 is the scan itself, from 1 on its copies."""
        row = self.rows.start // self.each * self.each
        for scan in self.scans.to_dict("records"):
            yield scan, range(max(0, self.rows.start - row), min(self.each, self.rows.stop - row))
            row += self.each


def plan_shards(scans: pd.DataFrame, how: PrepareTask) -> list[ShardSpec]:
    """The shards of all splits, train first.

    Args:
        scans: rows of the manifest with `split`.
        how: the copies, and the size of a row.
    """
    # an image, and a mask beside it at the most
    size = rows_per_shard(how.image_size**2 * (how.channels + 1))
    return [
        portion
        for split in SPLITS
        for portion in _cut(scans[scans["split"] == split], split, how.copies, size)
    ]


def _cut(scans: pd.DataFrame, split: str, copies: int, size: int) -> Iterator[ShardSpec]:
    each = 1 + (copies if split == "train" else 0)
    total = each * len(scans)
    for number, first in enumerate(range(0, total, size)):
        rows = range(first, min(first + size, total))
        part = scans.iloc[first // each : -(-rows.stop // each)]
        yield ShardSpec(split, number, rows, each, part)


@dataclass(frozen=True)
class PreprocessInfo:
    """What became of a scan.

    Attributes:
        cropped: a plausible contour was found to crop to.
        stripped: what was to be stripped could be.
        mask_pixels: of its mask, that the strip and the crop left in.
        pixel: height and width of a pixel of the row, in pixels of the scan.
    """

    cropped: bool
    stripped: bool
    mask_pixels: int
    pixel: tuple[float, float]


class Preprocessor:
    """From the scans of a task to the rows of its shards."""

    def __init__(self, task: Task, raw: Path, params: Params, labels: list[str]) -> None:
        self.task, self.raw, self.params = task, raw, params
        self.config: PrepareTask = getattr(params.prepare, task)
        self._codes = {label: code for code, label in enumerate(labels)}
        self.counts: dict[str, Counts] = {}
        """By series, of all its scans, where these are changed alike."""

    def count(self, scans: pd.DataFrame) -> Counts:
        """The grey values of these scans, as `tissue_counts`, of a volume those of all channels.

        Raises:
            DecodeError: a scan is missing or not whole.
        """
        counted = (
            tissue_counts(resized(self._part(scan), self.config), self.config.intensity)
            for scan in scans.to_dict("records")
        )
        counts = np.asarray(sum(counted))
        together = np.broadcast_to(counts.sum(axis=0), counts.shape)
        return together if self.config.intensity_of == "volume" else counts

    def write(self, folder: Path, portion: ShardSpec) -> dict[str, PreprocessInfo]:
        """Write one shard.

        Returns:
            By scan what became of it.

        Raises:
            DecodeError: a scan or a mask is missing or not whole.
        """
        found: dict[str, PreprocessInfo] = {}
        rows = self._rows(portion, found)
        write_shards(folder, portion.split, rows, len(portion.rows), portion.number)
        return found

    def _rows(self, portion: ShardSpec, found: dict[str, PreprocessInfo]) -> Iterator[Row]:
        for scan, wanted in portion.wanted():
            image, mask, found[scan["scan_id"]] = self.load(scan)
            for at in wanted:
                yield self._row(scan, *(self._copy(scan, image, mask, at) if at else (image, mask)))

    def _copy(
        self, scan: Scan, image: np.ndarray, mask: np.ndarray | None, at: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        random = rng(self.params.seed, "augment", scan["scan_id"], at - 1)
        return augment(image, mask, self.params.prepare.augment, random)

    def load(self, scan: Scan) -> tuple[np.ndarray, np.ndarray | None, PreprocessInfo]:
        """One scan as a network takes it.

        Returns:
            uint8 image (size, size, channels), mask (size, size), 0 or 1, if the task has
            masks, and what became of the scan.
        """
        mask = None
        if self.task == "segmentation":
            mask = decode_mask(self.raw / scan["mask_path"])
        part = self._part(scan)
        left = 0 if mask is None else _left(mask, part.tissue, part.box)
        pixel = pixel_size(part.image.shape, self.config.image_size, self.config.resize)
        counts = self.counts.get(series_of(scan))
        image = normalise(resized(part, self.config), self.config.intensity, counts)
        found = PreprocessInfo(part.cropped, part.stripped, left, pixel)
        return image, self._resized_mask(mask, part.box), found

    def lesion_mask(self, scan: Scan) -> Mask:
        """Where the scan's mask lies in its row, whatever the task: bool (size, size).

        It is stripped, cropped and resized with the scan.

        Raises:
            DecodeError: the scan or its mask is missing or not whole.
        """
        mask, part = decode_mask(self.raw / scan["mask_path"]), self._part(scan)
        left = mask if part.tissue is None else mask & part.tissue
        return np.asarray(self._resized_mask(left, part.box), bool)

    def _part(self, scan: Scan) -> CroppedScan:
        return crop_scan(decode_image(self.raw / scan["path"]), self.config)

    def _resized_mask(self, mask: Mask | None, box: Box) -> np.ndarray | None:
        if mask is None:
            return None
        marked = crop(mask, box).astype(np.uint8)
        return resize_mask(marked, self.config.image_size, self.config.resize)

    def _row(self, scan: Scan, image: np.ndarray, mask: np.ndarray | None) -> Row:
        row: Row = {"images": image, "scan_ids": np.array(scan["scan_id"])}
        if mask is None:
            return row | {"labels": np.int64(self._codes[scan["label"]])}
        return row | {"masks": mask}


def series_of(scan: Scan) -> str:
    """Of a scan, or itself where that is not known."""
    return str(scan["series"] or scan["scan_id"])


def _left(mask: Mask, tissue: Mask | None, box: Box) -> int:
    return int(crop(mask if tissue is None else mask & tissue, box).sum())
