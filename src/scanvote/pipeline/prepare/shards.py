"""Preprocess scans into rows of shards, with augmented copies."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scanvote.arrays import Row, rows_per_shard, write_shards
from scanvote.core.parallel import Files
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
    """The plan of one shard, made before any row is.

    Attributes:
        split: of the scans.
        number: of the shard in its split.
        rows: positions of this shard's rows in the split.
        rows_per_scan: rows of each scan in the split: itself and its augmented copies.
        scans: scans of these rows; the first and the last may have rows in the neighbouring
            shards too.
    """

    split: str
    number: int
    rows: range
    rows_per_scan: int
    scans: pd.DataFrame

    @property
    def name(self) -> str:
        return f"{self.split}-{self.number:05}.pkl"

    def scan_rows(self) -> Iterator[tuple[Scan, range]]:
        """Yield each scan and which of its versions lie in this shard.

        Version 0 is the scan, 1… are its augmented copies.
        """
        row = self.rows.start // self.rows_per_scan * self.rows_per_scan
        for scan in self.scans.to_dict("records"):
            first, stop = self.rows.start - row, self.rows.stop - row
            yield scan, range(max(0, first), min(self.rows_per_scan, stop))
            row += self.rows_per_scan


def plan_shards(scans: pd.DataFrame, config: PrepareTask) -> list[ShardSpec]:
    """Plan the shards of all splits, train first.

    Args:
        scans: rows of the manifest with `split`.
        config: gives the number of augmented copies and the size of a row.
    """
    # a row is an image, and perhaps a mask
    size = rows_per_shard(config.image_size**2 * (config.channels + 1))
    return [
        shard
        for split in SPLITS
        for shard in _plan_split(scans[scans["split"] == split], split, config.copies, size)
    ]


def _plan_split(scans: pd.DataFrame, split: str, copies: int, size: int) -> Iterator[ShardSpec]:
    rows_per_scan = 1 + (copies if split == "train" else 0)
    total = rows_per_scan * len(scans)
    for number, first in enumerate(range(0, total, size)):
        rows = range(first, min(first + size, total))
        part = scans.iloc[first // rows_per_scan : -(-rows.stop // rows_per_scan)]
        yield ShardSpec(split, number, rows, rows_per_scan, part)


@dataclass(frozen=True)
class PreprocessInfo:
    """Information about the preprocessing of a scan.

    Attributes:
        cropped: whether a plausible contour was found to crop to.
        stripped: whether stripping succeeded.
        mask_pixels: number of mask pixels left after stripping and cropping.
        pixel: how many pixels of the original scan one prepared pixel covers, down and across.
    """

    cropped: bool
    stripped: bool
    mask_pixels: int
    pixel: tuple[float, float]


class Preprocessor:
    """Makes the rows of shards from the scans of a task."""

    def __init__(self, task: Task, raw: Path, params: Params, labels: list[str]) -> None:
        self.task, self.raw, self.params = task, raw, params
        self.config: PrepareTask = getattr(params.prepare, task)
        self._codes = {label: code for code, label in enumerate(labels)}
        self.counts: dict[str, Counts] = {}
        """Histograms by series, if its scans are normalised together."""

    def of(self, scans: pd.DataFrame) -> "Preprocessor":
        """Return a small one, for some scans only."""
        small, series = copy(self), map(series_of, scans.to_dict("records"))
        small.counts = {one: self.counts[one] for one in series if one in self.counts}
        return small

    def files(self, scans: pd.DataFrame) -> Files:
        """Return the files of some scans, with their masks if the task has any."""
        columns = ["path", "mask_path"] if self.task == "segmentation" else ["path"]
        return Files.to_read(self.raw / name for name in scans[columns].to_numpy().flat)

    def count(self, scans: pd.DataFrame) -> Counts:
        """Sum the tissue histograms of scans that are normalised together.

        With `intensity_of: volume`, each channel has the sum over all channels.

        Raises:
            DecodeError: a scan is missing or damaged.
        """
        counted = (
            tissue_counts(resized(self._part(scan), self.config), self.config.intensity)
            for scan in scans.to_dict("records")
        )
        counts = np.asarray(sum(counted))
        together = np.broadcast_to(counts.sum(axis=0), counts.shape)
        return together if self.config.intensity_of == "volume" else counts

    def write(self, folder: Path, shard: ShardSpec) -> dict[str, PreprocessInfo]:
        """Write one shard.

        Returns:
            Information about the preprocessing, by scan.

        Raises:
            DecodeError: a scan or a mask is missing or damaged.
        """
        infos: dict[str, PreprocessInfo] = {}
        rows = self._rows(shard, infos)
        write_shards(folder, shard.split, rows, len(shard.rows), shard.number)
        return infos

    def _rows(self, shard: ShardSpec, infos: dict[str, PreprocessInfo]) -> Iterator[Row]:
        for scan, versions in shard.scan_rows():
            image, mask, infos[scan["scan_id"]] = self.load(scan)
            for version in versions:
                pair = self._augmented(scan, image, mask, version) if version else (image, mask)
                yield self._row(scan, *pair)

    def _augmented(
        self, scan: Scan, image: np.ndarray, mask: np.ndarray | None, version: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        random = rng(self.params.seed, "augment", scan["scan_id"], version - 1)
        return augment(image, mask, self.params.prepare.augment, random)

    def load(self, scan: Scan) -> tuple[np.ndarray, np.ndarray | None, PreprocessInfo]:
        """Preprocess one scan.

        Returns:
            uint8 image (size, size, channels), mask (size, size), 0 or 1, if the task has
            masks, and information about the preprocessing.
        """
        mask = None
        if self.task == "segmentation":
            mask = decode_mask(self.raw / scan["mask_path"])
        part = self._part(scan)
        pixels_left = 0 if mask is None else _pixels_left(mask, part.tissue, part.box)
        pixel = pixel_size(part.image.shape, self.config.image_size, self.config.resize)
        counts = self.counts.get(series_of(scan))
        image = normalise(resized(part, self.config), self.config.intensity, counts)
        info = PreprocessInfo(part.cropped, part.stripped, pixels_left, pixel)
        return image, self._resized_mask(mask, part.box), info

    def lesion_mask(self, scan: Scan) -> Mask:
        """Return the mask of the lesion in the preprocessed scan.

        It is stripped, cropped and resized with the scan, in either task.

        Returns:
            bool (size, size).

        Raises:
            DecodeError: the scan or its mask is missing or damaged.
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
    """Return the series of a scan, or its scan ID if unknown."""
    return str(scan["series"] or scan["scan_id"])


def _pixels_left(mask: Mask, tissue: Mask | None, box: Box) -> int:
    return int(crop(mask if tissue is None else mask & tissue, box).sum())
