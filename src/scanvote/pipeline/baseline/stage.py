"""Segmentation baseline without learning, which a U-Net must beat."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.arrays import Shard, memmap_split
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.images.decode import Grey, grey
from scanvote.manifest import owners, read_manifest
from scanvote.models.postprocess import choose
from scanvote.params import BaselineParams, Params
from scanvote.pipeline.baseline.bright_region import BrightRegion, Method, Region, bright_regions
from scanvote.predictions import mask_predictions


def find_bright_regions(prepared: Path, params: Params, out: Path) -> dict[str, float]:
    """Choose the rule with the best validation Dice; predict validation and test.

    Writes ``choices.csv``, every rule with the mean Dice of the validation patients, and
    ``predictions.csv`` to `out`.

    Args:
        prepared: folder of the shards, `data/prepared/segmentation`.
        params: the whole of params.yaml.
        out: `models/baseline`.

    Returns:
        Flat metrics: the best Dice, and the number of rules (``ways``).

    Raises:
        InputError: the channel `baseline.channel` does not exist.
    """
    splits = {split: memmap_split(prepared, split) for split in ("validation", "test")}
    manifest = read_manifest(prepared / "manifest.csv").set_index("scan_id")
    rows = {s: manifest.loc[shard["scan_ids"]].reset_index() for s, shard in splits.items()}
    section, validation = params.baseline, splits["validation"]
    choices = product(section.method, section.contrast, section.smallest)
    rules = [BrightRegion(*one) for one in choices]
    patients = owners(rows["validation"]).tolist()
    best, table = choose(_regions(validation, section), validation["masks"], patients, rules)
    write_csv(table, out / "choices.csv")
    tables = [
        mask_predictions(split, rows[split], shard["masks"], map(best, _regions(shard, section)))
        for split, shard in splits.items()
    ]
    write_csv(pd.concat(tables, ignore_index=True), out / "predictions.csv")
    return {"ways": len(rules), "best_val_dice": float(table["dice"].max())}


def _regions(shard: Shard, section: BaselineParams) -> Iterator[dict[Method, Region]]:
    """Yield the regions of each slice by method."""
    for image in _grey_slices(shard, section.channel):
        yield bright_regions(image, section.method)


def _grey_slices(shard: Shard, channel: int | None) -> Iterator[Grey]:
    """Yield each slice as uint8 (H, W)."""
    channels = shard["images"].shape[-1]
    if channel is not None and channel >= channels:
        raise InputError(
            f"baseline.channel: {channel} is none of the {channels} that"
            " prepare.segmentation.channels leaves, which count from 0"
        )
    for image in shard["images"]:
        if channels == 1:
            yield np.ascontiguousarray(image[..., 0])
        else:
            yield grey(image) if channel is None else np.ascontiguousarray(image[..., channel])
