"""Montage of scans with their crop boxes, to judge in a minute."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from scanvote.core.seeds import rng
from scanvote.images.decode import Rgb, decode_image
from scanvote.images.preprocess import crop_scan
from scanvote.images.resize import resize
from scanvote.pipeline.prepare.shards import Preprocessor
from scanvote.plots.canvas import gallery

SHOWN = 24
"""Scans in the montage, as many as one judges in a minute."""
SIDE = 160
"""Height and width of a scan in the montage, in pixels."""
FOUND, FALLBACK = (0, 220, 0), (230, 0, 0)


def write_crop_montage(images: Preprocessor, scans: pd.DataFrame, path: Path) -> None:
    """Draw up to 24 scans with their boxes, half of them fallbacks.

    Args:
        images: the preprocessor of the scans.
        scans: rows of the manifest with `cropped`, at least one.
        path: of the PNG.

    Raises:
        DecodeError: a scan is missing or not whole.
    """
    shown = sample_scans(scans, SHOWN, images.params.seed)
    boxed = np.stack([_boxed(images, scan) for scan in shown["path"]])
    share = 1 - scans["cropped"].mean()
    title = (
        "Cropped to the box in green; all of the scan, in red, where no smaller contour is "
        f"plausible: {share:.1%} of {len(scans):,} scans"
    )
    gallery(boxed, [_caption(scan) for scan in shown.to_dict("records")], title, path)


def sample_scans(scans: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Sample up to `count` scans evenly over classes, half of them fallbacks.

    With fewer fallbacks or fewer others than half, more of the rest are sampled.
    """
    fallbacks, cropped = scans[~scans["cropped"]], scans[scans["cropped"]]
    fallback_count = min(len(fallbacks), max(count // 2, count - len(cropped)))
    sampled_fallbacks = _evenly(fallbacks, fallback_count, seed)
    return pd.concat([sampled_fallbacks, _evenly(cropped, count - fallback_count, seed)])


def _evenly(scans: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    shuffled = scans.iloc[rng(seed, "crop montage").permutation(len(scans))]
    rounds = shuffled.groupby("label").cumcount().to_numpy()
    taken = shuffled.iloc[np.argsort(rounds, kind="stable")].head(count)
    return taken.sort_values(["label", "scan_id"], kind="stable")


def _boxed(images: Preprocessor, path: str) -> Rgb:
    image = decode_image(images.raw / path)
    part = crop_scan(image, images.config)
    x, y, width, height = part.box
    thickness = max(1, round(1.5 * max(image.shape) / SIDE))
    corner, opposite = (x, y), (x + width - 1, y + height - 1)
    drawn = cv2.rectangle(
        image.copy(), corner, opposite, FOUND if part.cropped else FALLBACK, thickness
    )
    return resize(np.asarray(drawn, np.uint8), SIDE, "pad")


def _caption(scan: dict[object, object]) -> str:
    """Return a caption with the end of the name, where names differ."""
    name = str(scan["scan_id"]).rsplit("/", 1)[-1]
    return f"{scan['label']}\n{name[-24:]}".strip()
