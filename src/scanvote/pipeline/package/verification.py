"""Verification: package against pipeline, and its ONNX graphs against Keras."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.arrays import Shard, memmap_split
from scanvote.core.errors import InputError
from scanvote.images.decode import decode_image
from scanvote.manifest import read_manifest
from scanvote.pipeline.package.model import (
    LoadedClassifiers,
    LoadedSegmenters,
    preprocess_scans,
)
from scanvote.pipeline.package.onnx_export import TOLERANCE as ONNX_TOLERANCE
from scanvote.pipeline.package.ood import is_outside
from scanvote.predictions import decode_mask, probabilities

TOLERANCE = 1e-5
"""Maximum difference between a probability of the package and of the table, which has 6 digits."""
TURNED = 1e-4
"""Maximum share of the pixels of the test masks that may differ by rounding."""
_AT_ONCE = 256
"""Scans in memory."""


def check_vote(
    in_keras: LoadedClassifiers,
    in_onnx: LoadedClassifiers | None,
    vote: pd.DataFrame,
    raw: Path,
    prepared: Path,
) -> dict[str, float]:
    """Compare the packaged vote with the pipeline's on the test scans.

    The scans are read from the raw files and must equal those of the stage `prepare`. If their grey
    values depend on others of a series, which is unknown for a single scan, those of `prepare` are
    used.

    Args:
        in_keras: the package in Keras.
        in_onnx: the package in ONNX Runtime, which then is its default; None without graphs.
        vote: the pipeline's rows of the vote on the test split.
        raw: `data/raw/classification`.
        prepared: `data/prepared/classification`.

    Returns:
        `difference_max` of a probability in Keras; of the package's default runtime
        `differing_scans`, the number of scans with another class, and `outside`, the share of
        out-of-distribution scans for the members; and `onnx_difference_max` of a member's
        probability between the runtimes, if there are graphs.

    Raises:
        InputError: a difference exceeds rounding.
    """
    shard = memmap_split(prepared, "test")
    paths = read_manifest(prepared / "manifest.csv").set_index("scan_id")["path"]
    labels = np.array(in_keras.vote.labels)
    difference, differing, outside, onnx = 0.0, 0, 0, 0.0
    for first in range(0, len(vote), _AT_ONCE):
        rows = vote.iloc[first : first + _AT_ONCE]
        scans = _preprocess_test_scans(in_keras, rows["scan_id"].tolist(), paths, raw, shard)
        output = in_keras.answer(scans)
        served = in_onnx.answer(scans) if in_onnx else output
        expected = probabilities(rows)
        difference = max(difference, _max_difference(output.vote.probabilities, expected))
        onnx = max(onnx, _max_difference(served.members, output.members))
        differing += int((labels[served.vote.winners] != rows["predicted"]).sum())
        outside += sum(map(is_outside, served.distances.tolist()))
    if difference > TOLERANCE:
        raise InputError(
            f"the packaged vote is up to {difference:.2g} from models/ensemble/predictions.csv:"
            " train and package on one kind of processor (dvc repro --force search)"
        )
    graphs = {"onnx_difference_max": _check_onnx(onnx)} if in_onnx else {}
    shares = {"differing_scans": differing, "outside": outside / max(len(vote), 1)}
    return {"difference_max": difference, **shares, **graphs}


def check_masks(
    in_keras: LoadedSegmenters,
    in_onnx: LoadedSegmenters | None,
    masks: pd.DataFrame,
    prepared: Path,
) -> dict[str, float]:
    """Compare the packaged U-Nets with the pipeline's on the test slices.

    The slices are those of the stage `prepare`.

    Args:
        in_keras: the package in Keras.
        in_onnx: the package in ONNX Runtime, which then is its default; None without graphs.
        masks: the pipeline's rows of the test split.
        prepared: `data/prepared/segmentation`.

    Returns:
        Of the package's default runtime `unet_outside`, the share of out-of-distribution slices,
        and `masks_difference`, as a share of the pixels, but not for networks with adjacent slices
        as input; and `unet_onnx_difference_max` of a probability between the runtimes, if there are
        graphs.

    Raises:
        InputError: a difference exceeds rounding.
    """
    shard, contents, served = memmap_split(prepared, "test"), in_keras.contents, in_onnx or in_keras
    codes = masks.set_index("scan_id")["predicted"]
    differing, pixels, outside, onnx = 0, 0, 0, 0.0
    for first in range(0, len(shard["images"]), _AT_ONCE):
        scans = shard["scan_ids"][first : first + _AT_ONCE]
        stacks = in_keras.repeat_slices(shard["images"][first : first + _AT_ONCE])
        output = served.segment_preprocessed(stacks)
        outside += sum(map(is_outside, output.distances.tolist()))
        for scan, mask in zip(scans.tolist(), output.masks, strict=True):
            differing += int((mask != decode_mask(codes[scan], *mask.shape)).sum())
            pixels += mask.size
        if in_onnx:
            both = (one.mask_probabilities(stacks)[0] for one in (in_onnx, in_keras))
            onnx = max(onnx, _max_difference(*both))
    metrics = {"unet_outside": outside / max(len(shard["images"]), 1)}
    metrics |= {"unet_onnx_difference_max": _check_onnx(onnx)} if in_onnx else {}
    if contents.context:
        return metrics
    if differing > TURNED * pixels:
        raise InputError(
            f"{differing:,} of {pixels:,} pixels of the packaged U-Net's test masks are not those"
            " of models/unet/predictions.csv: train and package on one kind of processor"
        )
    return {"masks_difference": differing / pixels, **metrics}


def _preprocess_test_scans(
    classifiers: LoadedClassifiers,
    names: Sequence[str],
    paths: "pd.Series[str]",
    raw: Path,
    shard: Shard,
) -> np.ndarray:
    """Return the preprocessed scans of these names, uint8 (n, size, size, channels)."""
    config = classifiers.contents.prepare
    rows = pd.Index(shard["scan_ids"]).get_indexer(pd.Index(names))
    images = np.asarray(shard["images"][rows])
    if config.intensity_of != "scan":
        return images
    preprocessed = preprocess_scans([decode_image(raw / paths[name]) for name in names], config)
    for name, one, other in zip(names, images, preprocessed, strict=True):
        if not np.array_equal(one, other):
            raise InputError(
                f"{raw / paths[name]} is preprocessed otherwise than in"
                " data/prepared/classification; run `dvc repro prepare`"
            )
    return preprocessed


def _check_onnx(difference: float) -> float:
    if difference > ONNX_TOLERANCE:
        raise InputError(
            f"package.onnx: a graph is up to {difference:.2g} from its network, more than"
            f" {ONNX_TOLERANCE:g}; set it to false"
        )
    return difference


def _max_difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(np.asarray(one, float) - other).max(initial=0.0))
