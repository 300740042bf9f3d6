"""Figures of explanations."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import interval_caption
from scanvote.pipeline.explain.localisation import Lesion, attribution_in_lesion
from scanvote.plots.canvas import OUTLINE, PREDICTED, figure, grid, imshow_gray, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METHODS = {"gradcam": "Grad-CAM", "occlusion": "occlusion", "lime": "LIME"}
_ROWS = 6
"""Maximum number of scans in one column of rows; more are shown in two."""


@dataclass(frozen=True)
class ExplanationRow:
    """A scan of a gallery.

    Attributes:
        image: uint8 (H, W, C).
        caption: the label and the prediction of the vote.
        maps: uint8 (H, W), the maps of the vote by method.
        lesion: the lesion, if it is known.
    """

    image: np.ndarray
    caption: str
    maps: dict[str, np.ndarray]
    lesion: Lesion | None


def explanations(scans: Sequence[ExplanationRow], title: str, path: Path) -> None:
    """Draw a row for each scan: the scan, then each method's map.

    The maps lie on top of the scan.

    Args:
        scans: at least one, all with the same methods.
    """
    across, blocks = 1 + len(scans[0].maps), 1 if len(scans) <= _ROWS else 2
    rows = -(-len(scans) // blocks)
    with grid(rows * blocks * across, blocks * across, title, path) as axes:
        cells = np.reshape(np.array(axes, object), (rows * blocks, across))
        for row, scan in zip(cells, scans, strict=False):
            _show_scan(row, scan)


def _show_scan(row: Sequence["Axes"], scan: ExplanationRow) -> None:
    imshow_gray(row[0], scan.image, scan.caption)
    _outline(row[0], scan.lesion)
    for cell, (method, heat) in zip(row[1:], scan.maps.items(), strict=True):
        imshow_gray(cell, scan.image, _caption(method, heat, scan.lesion))
        cell.imshow(heat, cmap="inferno", vmin=0, vmax=255, alpha=0.75 * heat / 255)
        _outline(cell, scan.lesion)


def _caption(method: str, heat: np.ndarray, lesion: Lesion | None) -> str:
    if lesion is None:
        return METHODS[method]
    return f"{METHODS[method]}\n{attribution_in_lesion(heat.astype(float), lesion):.2f} inside"


def _outline(cell: "Axes", lesion: Lesion | None) -> None:
    if lesion is not None and lesion.any() and not lesion.all():
        cell.contour(lesion, levels=[0.5], colors=[OUTLINE], linewidths=1)


def mass_figure(means: pd.DataFrame, path: Path) -> None:
    """Plot each model's mean share in the lesion, and chance.

    This is the share of its explanation. Each method has a panel.

    Args:
        means: as of `mass_means`, with a row or more.
    """
    models, methods = list(means["model"].unique()), list(means["method"].unique())
    scans = f"{means['scans'].max():.0f} scans"
    method = interval_caption(means["mass"], means["mass_low"])
    title = f"Share of the explanation inside the known lesion, {scans}\n{method}"
    size = (max(5.2, 2.2 + 2.4 * len(methods)), 1.7 + 0.4 * len(models))
    with figure(path, title, size, columns=len(methods)) as axes:
        for cell, method in zip(np.atleast_1d(axes), methods, strict=True):
            part = means[means["method"] == method]
            place = [models[::-1].index(model) for model in part["model"]]
            spread = [part["mass"] - part["mass_low"], part["mass_high"] - part["mass"]]
            cell.axvline(part["chance"].iloc[0], color="0.5", linestyle="--", linewidth=1)
            cell.errorbar(part["mass"], place, xerr=spread, fmt="o", color=PREDICTED, ecolor="0.4")
            names = [wrap(model) for model in models[::-1]]
            cell.set_yticks(range(len(models)), names if cell is np.atleast_1d(axes)[0] else [])
            cell.set(ylim=(-0.5, len(models) - 0.5), title=METHODS[method])
            cell.set_xlim(0, 1.1 * float(np.nanmax(means[["mass", "mass_high"]])) or 1)
        np.atleast_1d(axes)[0].set_xlabel("mean; dashed: chance")
