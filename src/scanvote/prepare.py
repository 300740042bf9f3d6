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
from scanvote.images.decode import decode_image, decode_mask, grey
from scanvote.manifest import read_manifest, write_manifest
from scanvote.params import Params, PrepareTask
from scanvote.progress import Progress, progress_bar
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
    kept = _split(task, raw, deduplicated, params)
    leaks = audit(kept)
    if any(leaks.values()):
        raise InputError(f"the split of {deduplicated}/manifest.csv leaks: {leaks}")
    images = Preparation(task, raw, params, classes(kept))
    with progress_bar("Prepare") as progress:
        for split in SPLITS:
            write_shards(out, split, images.rows(kept[kept["split"] == split], progress))
    kept["cropped"] = kept["scan_id"].map(images.cropped)
    write_manifest(kept, out / "manifest.csv")
    return _metrics(kept, leaks, images.how)


def _split(task: Task, raw: Path, deduplicated: Path, params: Params) -> pd.DataFrame:
    """The kept scans with their `group` and `split`."""
    manifest = read_manifest(deduplicated / "manifest.csv")
    # grouped before the copies are dropped: patients who share a copy stay together
    manifest["group"] = group_scans(manifest)
    kept = manifest[manifest["kept"]].reset_index(drop=True)
    if kept.empty:
        raise InputError(f"{deduplicated}/manifest.csv keeps no scan; look at its duplicates.csv")
    groups, strata, shares = kept["group"].to_numpy(), _strata(task, kept, raw), params.prepare
    kept["split"] = split_groups(groups, strata, shares.test, shares.validation, params.seed)
    return kept


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
    """From the scans of a task to the rows of its shards.

    Attributes:
        how: the task's section of `prepare`.
        cropped: by scan, whether a plausible contour was found to crop to.
    """

    def __init__(self, task: Task, raw: Path, params: Params, labels: list[str]) -> None:
        self.task, self.raw, self.params = task, raw, params
        self.how: PrepareTask = getattr(params.prepare, task)
        self.cropped: dict[str, bool] = {}
        self._codes = {label: code for code, label in enumerate(labels)}

    def rows(self, scans: pd.DataFrame, progress: Progress) -> Iterator[Row]:
        """The scans of one split, each with its augmented copies behind it if it trains."""
        for done, (_, scan) in enumerate(scans.iterrows(), start=1):
            image, mask = self.load(scan)
            yield self._row(scan, image, mask)
            for copy in range(self.how.copies if scan["split"] == "train" else 0):
                random = generator(self.params.seed, "augment", scan["scan_id"], copy)
                yield self._row(scan, *augment(image, mask, self.params.prepare.augment, random))
            progress(done, len(scans), scan["split"])

    def load(self, scan: pd.Series) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 image (size, size, channels), and mask (size, size), 0 or 1, if there is one."""
        image = decode_image(self.raw / scan["path"])
        mask = None
        if self.task == "segmentation":
            mask = decode_mask(self.raw / scan["mask_path"]).astype(np.uint8)
        box = whole = (0, 0, image.shape[1], image.shape[0])
        if self.how.crop:
            box = crop_box(grey(image))
        self.cropped[scan["scan_id"]] = box != whole
        if self.how.channels == 1:
            image = grey(image)
        return self._resized(crop(image, box), None if mask is None else crop(mask, box))

    def _resized(
        self, image: np.ndarray, mask: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        size = (self.how.image_size, self.how.image_size)
        shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        image = shrunk.reshape(*size, self.how.channels)
        if mask is None:
            return image, None
        # where half of the area is marked: the nearest pixel would shift the mask
        area = cv2.resize(mask * np.uint8(255), size, interpolation=cv2.INTER_AREA)
        return image, (area.reshape(size) > 127).astype(np.uint8)

    def _row(self, scan: pd.Series, image: np.ndarray, mask: np.ndarray | None) -> Row:
        row: Row = {"images": image, "scan_ids": np.array(scan["scan_id"])}
        if mask is None:
            return row | {"labels": np.int64(self._codes[scan["label"]])}
        return row | {"masks": mask}


def _metrics(kept: pd.DataFrame, leaks: dict[str, int], how: PrepareTask) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for split in SPLITS:
        part = kept[kept["split"] == split]
        metrics |= {f"{split}_scans": len(part), f"{split}_groups": part["group"].nunique()}
    fallbacks = 1 - float(kept["cropped"].mean()) if how.crop else 0.0
    return metrics | leaks | {"crop_fallback_share": round(fallbacks, 4)}
