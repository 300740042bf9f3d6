"""Figures of probabilities: ROC, precision–recall and reliability."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import number_of
from scanvote.metrics.curves import BAND, GRID, Curve
from scanvote.plots.canvas import AFTER, BEFORE, class_colour, figure, wrap_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Kind(NamedTuple):
    """A kind of curve.

    Attributes:
        name: stem of its files.
        words: its display name.
        x: column of its table.
        x_label, y_label: labels of its axes.
        area: the metric that is the area under it.
        area_words: the abbreviation of that metric, with its explanation.
    """

    name: str
    words: str
    x: str
    x_label: str
    y_label: str
    area: str
    area_words: str


class CurveData(NamedTuple):
    """Curves and areas of a class, for vote and best member.

    Attributes:
        label: name of the class.
        share: its share of the scans.
        vote, best: curve of the vote, and of its best member.
        vote_area, best_area: areas under both.
    """

    label: str
    share: float
    vote: Curve
    best: np.ndarray
    vote_area: float
    best_area: float


_ROC = Kind(
    "roc",
    "ROC",
    "false_positive_rate",
    "1 − specificity",
    "sensitivity",
    "auroc",
    "AUROC: area under it",
)
_PRECISION_RECALL = Kind(
    "precision_recall",
    "Precision–recall",
    "recall",
    "recall",
    "precision",
    "average_precision",
    "AP: average precision",
)
KINDS = (_ROC, _PRECISION_RECALL)
_STATES = (("calibrated", AFTER), ("before calibration", BEFORE))

Reliability = tuple[pd.DataFrame, np.ndarray]
"""Bins of a model, of `scanvote.metrics.reliability`, and the confidence of each scan."""


def curve_figure(
    kind: Kind, classes: Sequence[CurveData], scans: int, role: str, path: Path
) -> None:
    """Plot a panel for each class: curves and areas of both models.

    These are the vote with its band, and its best member.

    Args:
        kind: of the curves.
        classes: their curves.
        scans: number of test scans.
        role: a line that names the class not to miss; empty for more than two classes.
        path: the PNG.
    """
    rows = -(-len(classes) // 4)
    columns = -(-len(classes) // rows)
    size = (max(2.35 * columns, 5.0) + 0.3, 2.85 * rows + 1.0 + (0.3 if role else 0))
    title = (
        f"{kind.words} of each class against the rest, {scans} test scans\n"
        f"{kind.area_words}; dashed: best member; grey: by chance\n{BAND}{role}"
    )
    with figure(path, title, size, rows, columns) as axes:
        cells: list[Axes] = np.atleast_1d(axes).ravel().tolist()
        for place, (cell, curves) in enumerate(zip(cells, classes, strict=False)):
            _plot_curves(cell, kind, curves, class_colour(place))
            _format_axes(cell, kind, place % columns == 0, place + columns >= len(classes))
        for cell in cells[len(classes) :]:
            cell.axis("off")


def _format_axes(axes: "Axes", kind: Kind, leftmost: bool, lowest: bool) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"] if leftmost else ["", "", ""])
    axes.set(xlabel=kind.x_label if lowest else "", ylabel=kind.y_label if leftmost else "")


def _plot_curves(axes: "Axes", kind: Kind, curves: CurveData, colour: str) -> None:
    name = wrap_label(curves.label, 36)
    axes.set_title(name, fontsize=8)
    if np.isnan(curves.vote.line).any():
        axes.text(0.5, 0.5, "no test scan of it,\nor of no other", ha="center", va="center")
        return
    short = kind.area_words.partition(":")[0]
    areas = f"{short} {curves.vote_area:.3f}, best member {curves.best_area:.3f}"
    axes.set_title(f"{name}\n{areas}", fontsize=8)
    chance = [0, 1] if kind == _ROC else [curves.share] * 2
    axes.plot([0, 1], chance, color="0.8", linewidth=1)
    band = curves.vote
    axes.fill_between(GRID, band.low, band.high, color=colour, alpha=0.25, linewidth=0)
    if np.isnan(band.low).any():
        axes.text(0.5, 0.03, f"{number_of(band.groups, 'group')}: no band", ha="center", fontsize=7)
    axes.plot(*_with_start(kind, band.line), color=colour)
    axes.plot(*_with_start(kind, curves.best), "--", color="0.2", linewidth=0.9)


def _with_start(kind: Kind, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add the start of a ROC curve, at which nothing is found.

    The first value on the grid may be higher than 0.
    """
    return (np.append(0, GRID), np.append(0, line)) if kind == _ROC else (GRID, line)


def reliability_figure(
    by_model: Mapping[str, Sequence[Reliability]], title: str, path: Path
) -> None:
    """Plot accuracy by confidence above a histogram of confidence, by model.

    Args:
        by_model: for each model its calibrated state and, if known, the one before calibration.
        title: above the panels.
        path: the PNG.
    """
    lowest = min(confidences.min() for states in by_model.values() for _, confidences in states)
    edges = np.linspace(min(np.floor(10 * lowest) / 10, 0.9), 1, 26)
    with figure(path, title, (3.5 * len(by_model) + 0.4, 5.2), 2, len(by_model), (3, 1)) as axes:
        columns = np.reshape(axes, (2, len(by_model))).T
        for (upper, lower), (name, states) in zip(columns, by_model.items(), strict=True):
            for state, (words, colour) in zip(states, _STATES, strict=False):
                _plot_bins(upper, state[0], words if len(states) > 1 else "share right", colour)
                lower.hist(state[1], edges, histtype="step", color=colour, linewidth=1.2)
            _format_panels(upper, lower, edges)
            upper.set_title(wrap_label(name, 42), fontsize=9)
        columns[0][0].set_ylabel("share that is right")
        columns[0][1].set_ylabel("scans")


def _plot_bins(axes: "Axes", bins: pd.DataFrame, words: str, colour: str) -> None:
    spread = abs(bins[["low", "high"]].to_numpy() - bins[["right"]].to_numpy()).T
    axes.errorbar(
        bins["confidence"],
        bins["right"],
        spread,
        color=colour,
        marker="o",
        markersize=4,
        linewidth=1.2,
        elinewidth=0.8,
        label=words,
    )


def _format_panels(upper: "Axes", lower: "Axes", edges: np.ndarray) -> None:
    upper.plot([0, 1], [0, 1], color="0.7", linewidth=1, zorder=0, label="as sure as right")
    upper.legend(loc="lower right", fontsize=7)
    for axes in (upper, lower):
        axes.set_xlim(edges[0], 1.01)
    upper.set_ylim(-0.02, 1.03)
    lower.set_xlabel("confidence: probability of the predicted class")
