"""Whether a package says what the pipeline said, and its ONNX graphs what its networks say."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.arrays import Shard, memmap_split
from scanvote.core.errors import InputError
from scanvote.images.decode import decode_image
from scanvote.manifest import read_manifest
from scanvote.pipeline.package.metadata import Network
from scanvote.pipeline.package.model import Package, preprocess_scans
from scanvote.pipeline.package.networks import predict
from scanvote.pipeline.package.onnx_export import TOLERANCE as ONNX_TOLERANCE
from scanvote.pipeline.package.onnx_export import onnx_answer
from scanvote.predictions import decode_mask, probabilities, read_predictions

TOLERANCE = 1e-5
"""Between a probability of the package and of the table, which has 6 digits."""
TURNED = 1e-4
"""Share of the pixels of the test masks that rounding may turn."""
_AT_ONCE = 256
"""Scans in memory."""


def check_vote(
    package: Package, folder: Path, vote: pd.DataFrame, raw: Path, prepared: Path
) -> dict[str, float]:
    """Ask about the test scans, read anew as the package would be shown them.

    They must come out as the stage `prepare` left them. Where their grey values depend on others
    of a series, which a scan by itself does not tell, they are taken from `prepare`.

    Args:
        package: that lies in `folder`.
        folder: of the package.
        vote: the pipeline's rows of the vote on the test split.
        raw: `data/raw/classification`.
        prepared: `data/prepared/classification`.

    Returns:
        `difference_max` of a probability, `differing_scans` where the class is another,
        `outside`, the share of the scans that count as outside what the members have seen, and
        `onnx_difference_max`, where there are graphs.

    Raises:
        InputError: the package is farther from the pipeline than rounding takes it.
    """
    shard, members = memmap_split(prepared, "test"), package.contents.classifiers.members
    paths = read_manifest(prepared / "manifest.csv").set_index("scan_id")["path"]
    labels = np.array(package.vote.labels)
    apart, differing, outside, onnx = 0.0, 0, 0, [0.0]
    for first in range(0, len(vote), _AT_ONCE):
        rows = vote.iloc[first : first + _AT_ONCE]
        scans = _shown(package, rows["scan_id"].tolist(), paths, raw, shard)
        answer = package.answer(scans)
        apart = max(apart, _apart(answer.vote.probabilities, probabilities(rows)))
        differing += int((labels[answer.vote.winners] != rows["predicted"]).sum())
        outside += int((answer.distances > 1).sum())
        onnx += _onnx_apart(package.members, members, folder, scans)
    if apart > TOLERANCE:
        raise InputError(
            f"the packaged vote is up to {apart:.2g} from models/ensemble/predictions.csv: train"
            " and package on one kind of processor (dvc repro --force search)"
        )
    graphs = {"onnx_difference_max": _checked(max(onnx))} if _has_onnx(members) else {}
    shares = {"differing_scans": differing, "outside": outside / max(len(vote), 1)}
    return {"difference_max": apart, **shares, **graphs}


def check_masks(package: Package, folder: Path, unet: Path, prepared: Path) -> dict[str, float]:
    """Ask about the test slices, as the stage `prepare` left them.

    Args:
        package: that lies in `folder`.
        folder: of the package.
        unet: `models/unet`, with the pipeline's masks.
        prepared: `data/prepared/segmentation`.

    Returns:
        `unet_outside`, the share of the slices that count as outside what the U-Nets have seen;
        `masks_difference`, as a share of the pixels, but not of networks that were shown the
        slices beside each; and `unet_onnx_difference_max`, where there are graphs.

    Raises:
        InputError: the package is farther from the pipeline than rounding takes it.
    """
    segmenters, shard = package.contents.segmenters, memmap_split(prepared, "test")
    table = read_predictions(unet / "predictions.csv")
    masks = table[table["split"] == "test"].set_index("scan_id")["predicted"]
    turned, pixels, outside, onnx = 0, 0, 0, [0.0]
    for first in range(0, len(shard["images"]), _AT_ONCE):
        scans = shard["scan_ids"][first : first + _AT_ONCE]
        stacks = package.repeat_slices(shard["images"][first : first + _AT_ONCE])
        marked = package.segment_preprocessed(stacks)
        outside += int((marked.distances > 1).sum())
        for scan, mask in zip(scans.tolist(), marked.masks, strict=True):
            turned += int((mask != decode_mask(masks[scan], *mask.shape)).sum())
            pixels += mask.size
        onnx += _onnx_apart(package.unets, segmenters.networks, folder, stacks)
    graphs = {"unet_onnx_difference_max": _checked(max(onnx))}
    found = {"unet_outside": outside / max(len(shard["images"]), 1)}
    found |= graphs if _has_onnx(segmenters.networks) else {}
    if segmenters.context:
        return found
    if turned > TURNED * pixels:
        raise InputError(
            f"{turned:,} of {pixels:,} pixels of the packaged U-Net's test masks are not those of"
            f" {unet}/predictions.csv: train and package on one kind of processor"
        )
    return {"masks_difference": turned / pixels, **found}


def _shown(
    package: Package, names: Sequence[str], paths: "pd.Series[str]", raw: Path, shard: Shard
) -> np.ndarray:
    """uint8 (n, size, size, channels) of the scans of these names."""
    how = package.contents.classifiers.prepare
    rows = pd.Index(shard["scan_ids"]).get_indexer(pd.Index(names))
    images = np.asarray(shard["images"][rows])
    if how.intensity_of != "scan":
        return images
    anew = preprocess_scans([decode_image(raw / paths[name]) for name in names], how)
    for name, one, other in zip(names, images, anew, strict=True):
        if not np.array_equal(one, other):
            raise InputError(
                f"{raw / paths[name]} comes out otherwise than data/prepared/classification has"
                " it; run `dvc repro prepare`"
            )
    return anew


def _onnx_apart(
    models: Sequence[object], networks: Sequence[Network], folder: Path, scans: np.ndarray
) -> list[float]:
    return [
        _apart(onnx_answer(folder / network.onnx, scans), predict(model, scans))
        for model, network in zip(models, networks, strict=True)
        if network.onnx
    ]


def _checked(difference: float) -> float:
    if difference > ONNX_TOLERANCE:
        raise InputError(
            f"package.onnx: a graph is up to {difference:.2g} from its network, more than"
            f" {ONNX_TOLERANCE:g}; set it to false"
        )
    return difference


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(np.asarray(one, float) - other).max(initial=0.0))


def _has_onnx(networks: Sequence[Network]) -> bool:
    return any(network.onnx for network in networks)
