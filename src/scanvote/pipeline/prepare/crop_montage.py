"""Scans with the box that `prepare` crops to, for a person to judge in a minute."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from scanvote.core.seeds import rng
from scanvote.images.decode import Rgb, decode_image
from scanvote.images.preprocess import crop_scan
from scanvote.images.resize import resize
from scanvote.pipeline.prepare.rows import Preprocessor
from scanvote.plots.canvas import gallery

SHOWN = 24
"""Scans: as many as a person judges in a minute."""
SIDE = 160
"""Pixels a side of a scan in the montage."""
FOUND, FALLBACK = (0, 220, 0), (230, 0, 0)


def write_crop_montage(images: Preprocessor, scans: pd.DataFrame, path: Path) -> None:
    """Draw 24 scans, half of them fallbacks where there are as many, as a PNG.

    Args:
        images: how the scans are prepared.
        scans: rows of the manifest with `cropped`, more than none.
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
    """Up to `count` of the scans, half of them fallbacks if there are, evenly over the classes."""
    fallbacks, found = scans[~scans["cropped"]], scans[scans["cropped"]]
    few = min(len(fallbacks), max(count // 2, count - len(found)))
    first = _evenly(fallbacks, few, seed)
    return pd.concat([first, _evenly(found, count - few, seed)])


def _evenly(scans: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    shuffled = scans.iloc[rng(seed, "crop montage").permutation(len(scans))]
    turns = shuffled.groupby("label").cumcount().to_numpy()
    taken = shuffled.iloc[np.argsort(turns, kind="stable")].head(count)
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
    """The end of the scan's name, which is where names differ."""
    name = str(scan["scan_id"]).rsplit("/", 1)[-1]
    return f"{scan['label']}\n{name[-24:]}".strip()
