"""prepare: split the kept scans, crop, resize, augment, and pickle them."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from scanvote.arrays import Row, write_shards
from scanvote.datasets.base import Task
from scanvote.errors import InputError
from scanvote.images.augment import augment
from scanvote.images.crop import crop, crop_box
from scanvote.images.decode import decode_grey, decode_image, decode_mask
from scanvote.manifest import read_manifest, write_manifest
from scanvote.params import Params, PrepareTask
from scanvote.progress import Advance, track
from scanvote.seeds import generator
from scanvote.splits import SPLITS, audit, group_scans, split_groups


def prepare(
    task: Task, raw: Path, deduplicated: Path, params: Params, out: Path
) -> dict[str, float]:
    """Write `out`/manifest.csv with each scan's split, and the shards beside it.

    Args:
        task: whose section of `prepare` holds.
        raw: folder of the scans, `data/raw/<task>`.
        deduplicated: folder of the manifest with `kept`, `data/deduplicated/<task>`.
        params: the whole of params.yaml.
        out: `data/prepared/<task>`.

    Returns:
        Flat metrics: scans and groups a split, leaked pairs, fallbacks of the crop.

    Raises:
        InputError: a class has too few groups, or the audit finds a leak.
    """
    manifest = read_manifest(deduplicated / "manifest.csv")
    kept = manifest[manifest["kept"]].reset_index(drop=True)
    kept["group"] = group_scans(kept)
    shares = params.prepare
    kept["split"] = split_groups(
        kept["group"].to_numpy(), _strata(task, kept, raw), shares.test, shares.validation, params.seed
    )
    leaks = audit(kept)
    if any(leaks.values()):
        raise InputError(f"the split of {deduplicated}/manifest.csv leaks: {leaks}")
    kept["cropped"] = False
    images = Preparation(task, raw, params, classes(kept))
    with track(f"prepare {task}", len(kept)) as advance:
        for split in SPLITS:
            write_shards(out, split, images.rows(kept, split, advance))
    write_manifest(kept, out / "manifest.csv")
    return _metrics(kept, leaks, getattr(params.prepare, task))


def classes(manifest: pd.DataFrame) -> list[str]:
    """The labels in alphabetical order: a label's place is its index in the arrays."""
    return sorted(set(manifest["label"]))


def _strata(task: Task, kept: pd.DataFrame, raw: Path) -> list[str]:
    """What is spread evenly over the splits: the class, or tumour and empty slices."""
    if task == "classification":
        return list(kept["label"])
    masks = (decode_mask(raw / path) for path in kept["mask_path"])
    return ["tumour" if mask.any() else "empty" for mask in masks]


class Preparation:
    """From a row of the manifest to the rows of a shard."""

    def __init__(self, task: Task, raw: Path, params: Params, labels: list[str]) -> None:
        self.task = task
        self.raw = raw
        self.params = params
        self.how: PrepareTask = getattr(params.prepare, task)
        self.codes = {label: code for code, label in enumerate(labels)}

    def rows(self, manifest: pd.DataFrame, split: str, advance: Advance) -> Iterator[Row]:
        """The scans of a split, each with its augmented copies behind it if it trains.

        Notes in the column `cropped` of `manifest` where a contour was cropped to.
        """
        for index in manifest.index[manifest["split"] == split]:
            scan = manifest.loc[index]
            image, mask, cropped = self.load(scan)
            manifest.loc[index, "cropped"] = cropped
            yield self._row(scan, image, mask)
            for copy in range(self.how.copies if split == "train" else 0):
                random = generator(self.params.seed, "augment", scan["scan_id"], copy)
                yield self._row(scan, *augment(image, mask, self.params.prepare.augment, random))
            advance()

    def load(self, scan: pd.Series) -> tuple[np.ndarray, np.ndarray | None, bool]:
        """uint8 image (size, size, channels), uint8 mask (size, size) or None, cropped?"""
        decode = decode_image if self.how.channels == 3 else decode_grey
        image = decode(self.raw / scan["path"])
        mask = None
        if self.task == "segmentation":
            mask = decode_mask(self.raw / scan["mask_path"]).astype(np.uint8)
        box = crop_box(image) if self.how.crop else None
        if box is not None:
            image, mask = crop(image, box), None if mask is None else crop(mask, box)
        return self._resized(image, mask) + (box is not None,)

    def _resized(
        self, image: np.ndarray, mask: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        size = (self.how.size, self.how.size)
        shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        image = shrunk.reshape(*size, self.how.channels)
        if mask is None:
            return image, None
        return image, cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST).reshape(size)

    def _row(self, scan: pd.Series, image: np.ndarray, mask: np.ndarray | None) -> Row:
        row: Row = {"images": image, "scan_ids": np.array(scan["scan_id"])}
        if mask is None:
            return row | {"labels": np.int64(self.codes[scan["label"]])}
        return row | {"masks": mask}


def _metrics(kept: pd.DataFrame, leaks: dict[str, int], how: PrepareTask) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for split in SPLITS:
        part = kept[kept["split"] == split]
        metrics |= {f"{split}_scans": len(part), f"{split}_groups": part["group"].nunique()}
    fallbacks = 1 - float(kept["cropped"].mean()) if how.crop else 0.0
    return metrics | leaks | {"crop_fallback_share": round(fallbacks, 4)}
