"""Galleries: scans with the vote and its explanation."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scanvote.arrays import Shard, load_images
from scanvote.metrics.error_analysis import confidence, disagreement, select_scans
from scanvote.plots.canvas import OUTLINE, grid, imshow_gray, wrap_label
from scanvote.predictions import labels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GAP = 2
"""Pixels between a scan and its explanation."""
_TOP = 0.1
"""Share of the pixels inside the outline."""
_OPAQUE = 0.75


def draw_galleries(
    vote: pd.DataFrame,
    members: list[pd.DataFrame],
    prepared: Path,
    maps: Shard | None,
    max_scans: int,
    out: Path,
) -> None:
    """Write ``errors.png``, ``disagreeing.png`` and ``right.png``.

    Args:
        vote, members: test rows of `predictions.csv` of the vote and of its members.
        prepared: `data/prepared/classification`.
        maps: with `scan_ids` and `maps`, uint8 (n, H, W); a scan without a map is shown alone.
        max_scans: maximum number of scans in a gallery.
        out: the folder.
    """
    chosen = select_scans(vote, members, max_scans)
    table = vote.set_index("scan_id").assign(
        sure=confidence(vote), **disagreement(vote["scan_id"], members)
    )
    errors = [scan for kind, scans in chosen.items() if " taken for " in kind for scan in scans]
    shown = {
        "errors": errors or chosen["least_sure"],
        "disagreeing": chosen["disagreeing"],
        "right": chosen["right"] or chosen["least_sure"],
    }
    titles = _titles(table, {name: len(scans) for name, scans in shown.items()})
    every = sorted({scan for scans in shown.values() for scan in scans})
    images = dict(zip(every, load_images(prepared, "test", every), strict=True))
    heat_maps = dict(zip(maps["scan_ids"].tolist(), maps["maps"], strict=True)) if maps else {}
    for name, scans in shown.items():
        caption_of = _votes if name == "disagreeing" else _verdict
        captions = {scan: caption_of(table, scan) for scan in scans}
        scans_figure(captions, images, heat_maps, titles[name], out / f"{name}.png")


def _titles(table: pd.DataFrame, shown: Mapping[str, int]) -> dict[str, str]:
    wrong = int((table["label"] != table["predicted"]).sum())
    divided = int((table["differing"] > 0).sum())
    kinds = f"Wrong votes: {wrong} of {len(table)}; the surest of every kind of error"
    clear = f"No wrong vote in {len(table)}; the least sure {shown['errors']}"
    right = f"Right votes: {len(table) - wrong} of {len(table)}; the surest of each class in turn"
    none = f"No right vote in {len(table)}; the least sure {shown['right']}"
    return {
        "errors": kinds if wrong else clear,
        "disagreeing": (
            f"Members disagree on {divided} of {len(table)} scans; the most divided first"
        ),
        "right": right if wrong < len(table) else none,
    }


def _verdict(table: pd.DataFrame, scan: str) -> str:
    row = table.loc[scan].to_dict()
    if row["label"] == row["predicted"]:
        return f"{wrap_label(row['label'])} {row['sure']:.2f}"
    count = int(((table["label"] == row["label"]) & (table["predicted"] == row["predicted"])).sum())
    taken = (
        f"{wrap_label(row['label'])} taken for\n{wrap_label(row['predicted'])} {row['sure']:.2f}"
    )
    return f"{taken} ({count} such)"


def _votes(table: pd.DataFrame, scan: str) -> str:
    row = table.loc[scan].to_dict()
    votes = {label: int(row[f"votes_{label}"]) for label in labels_of(table)}
    counts = ", ".join(f"{count} {wrap_label(name)}" for name, count in votes.items() if count)
    verdict = f"voted {wrap_label(row['predicted'])} {row['sure']:.2f}"
    return f"truth {wrap_label(row['label'])}\n{verdict}\n{counts}"


def scans_figure(
    captions: Mapping[str, str],
    images: Mapping[str, np.ndarray],
    heat_maps: Mapping[str, np.ndarray],
    title: str,
    path: Path,
) -> None:
    """Draw scans in a grid, beside their explanations.

    Each scan is under its caption.

    Args:
        captions: by scan, at least one.
        images: by scan, uint8 (H, W, C).
        heat_maps: by scan, uint8 (H, W), 255 at the maximum; scans may be missing.
        title: common property of the scans.
        path: the PNG.
    """
    explained = any(scan in heat_maps for scan in captions)
    if explained:
        title += f"\nbeside each what the vote looked at, its top {100 * _TOP:.0f} % outlined"
    columns, width, letters = (3, 3.1, 52) if explained else (6, 1.7, 30)
    with grid(len(captions), columns, title, path, width) as cells:
        for cell, (scan, caption) in zip(cells, captions.items(), strict=True):
            image, heat = images[scan], heat_maps.get(scan)
            lines = [textwrap.fill(line, letters) for line in caption.splitlines()]
            imshow_gray(cell, side_by_side(image, heat) if explained else image, "\n".join(lines))
            if heat is not None:
                _outline(cell, heat, image.shape[1] + _GAP)


def side_by_side(image: np.ndarray, heat: np.ndarray | None) -> np.ndarray:
    """Return the scan and its heat map side by side.

    The result is uint8 (H, 2 W + gap, 3). The heat map lies on top of a copy of the scan.

    Args:
        image: uint8 (H, W, 1 or 3).
        heat: uint8 (H, W), transparent where it is 0. If it is None, the right side stays white.
    """
    from matplotlib import colormaps

    scan = np.broadcast_to(image, (*image.shape[:2], 3)).astype(float)
    gap = np.full((len(scan), _GAP, 3), 255.0)
    beside = np.full_like(scan, 255)
    if heat is not None:
        opaque = _OPAQUE * heat[..., None] / 255
        grey = scan.mean(axis=2, keepdims=True)
        beside = (1 - opaque) * grey + opaque * 255 * colormaps["inferno"](heat)[..., :3]
    return np.concatenate([scan, gap, beside], axis=1).round().astype(np.uint8)


def _outline(axes: "Axes", heat: np.ndarray, shift: int) -> None:
    """Draw the outline of the `_TOP` share of the pixels.

    A map that is flat at that level has no outline.
    """
    level = np.quantile(heat, 1 - _TOP)
    if heat.min() < level < heat.max():
        places = np.arange(heat.shape[1]) + shift
        axes.contour(places, range(len(heat)), heat, [level], colors=[OUTLINE], linewidths=0.9)
