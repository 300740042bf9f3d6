"""The pictures of a classifier's probabilities: ROC, precision–recall, reliability."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scanvote.metrics.curves import BAND, GRID, Curve
from scanvote.plots.canvas import AFTER, BEFORE, class_colour, figure, wrap_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Kind(NamedTuple):
    """A kind of curve.

    Attributes:
        name: of its files.
        words: its name for a person.
        x: column of its table.
        x_label, y_label: of its axes.
        area: the metric that is the area under it.
        area_words: its abbreviation, and what that means.
    """

    name: str
    words: str
    x: str
    x_label: str
    y_label: str
    area: str
    area_words: str


class CurveData(NamedTuple):
    """A class, its share of the scans, the vote's curve and its best member's, and their areas."""

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

Sure = tuple[pd.DataFrame, np.ndarray]
"""A model's bins, as of `metrics.bins`, and the confidence of each scan."""


def curve_figure(kind: Kind, classes: Sequence[CurveData], scans: int, path: Path) -> None:
    """A panel a class: the vote with its band, its best member, and the area under each."""
    rows = -(-len(classes) // 4)
    columns = -(-len(classes) // rows)
    size = (max(2.35 * columns, 5.0) + 0.3, 2.85 * rows + 1.0)
    title = (
        f"{kind.words} of each class against the rest, {scans} test scans\n"
        f"{kind.area_words}; dashed: best member; grey: by chance\n{BAND}"
    )
    with figure(path, title, size, rows, columns) as axes:
        cells: list[Axes] = np.atleast_1d(axes).ravel().tolist()
        for place, (cell, shown) in enumerate(zip(cells, classes, strict=False)):
            _show_curves(cell, kind, shown, class_colour(place))
            _frame(cell, kind, place % columns == 0, place + columns >= len(classes))
        for cell in cells[len(classes) :]:
            cell.axis("off")


def _frame(axes: "Axes", kind: Kind, leftmost: bool, lowest: bool) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"] if leftmost else ["", "", ""])
    axes.set(xlabel=kind.x_label if lowest else "", ylabel=kind.y_label if leftmost else "")


def _show_curves(axes: "Axes", kind: Kind, shown: CurveData, colour: str) -> None:
    name = wrap_label(shown.label, 36)
    axes.set_title(name, fontsize=8)
    if np.isnan(shown.vote.line).any():
        axes.text(0.5, 0.5, "no test scan of it,\nor of no other", ha="center", va="center")
        return
    short = kind.area_words.partition(":")[0]
    areas = f"{short} {shown.vote_area:.3f}, best member {shown.best_area:.3f}"
    axes.set_title(f"{name}\n{areas}", fontsize=8)
    chance = [0, 1] if kind == _ROC else [shown.share] * 2
    axes.plot([0, 1], chance, color="0.8", linewidth=1)
    band = shown.vote
    axes.fill_between(GRID, band.low, band.high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(*_points(kind, band.line), color=colour)
    axes.plot(*_points(kind, shown.best), "--", color="0.2", linewidth=0.9)


def _points(kind: Kind, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A ROC curve begins where nothing is found, however high it stands at the grid's first."""
    return (np.append(0, GRID), np.append(0, line)) if kind == _ROC else (GRID, line)


def reliability_figure(found: Mapping[str, Sequence[Sure]], title: str, path: Path) -> None:
    """How often it is right by how sure it is, and how often it is so sure; a column a model.

    Args:
        found: of each model, as it is and, where known, before calibration.
    """
    lowest = min(sure.min() for states in found.values() for _, sure in states)
    edges = np.linspace(min(np.floor(10 * lowest) / 10, 0.9), 1, 26)
    with figure(path, title, (3.5 * len(found) + 0.4, 5.2), 2, len(found), (3, 1)) as axes:
        columns = np.reshape(axes, (2, len(found))).T
        for (upper, lower), (name, states) in zip(columns, found.items(), strict=True):
            for state, (words, colour) in zip(states, _STATES, strict=False):
                _show_bins(upper, state[0], words if len(states) > 1 else "share right", colour)
                lower.hist(state[1], edges, histtype="step", color=colour, linewidth=1.2)
            _finish(upper, lower, edges)
            upper.set_title(wrap_label(name, 42), fontsize=9)
        columns[0][0].set_ylabel("share that is right")
        columns[0][1].set_ylabel("scans")


def _show_bins(axes: "Axes", bins: pd.DataFrame, words: str, colour: str) -> None:
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


def _finish(upper: "Axes", lower: "Axes", edges: np.ndarray) -> None:
    upper.plot([0, 1], [0, 1], color="0.7", linewidth=1, zorder=0, label="as sure as right")
    upper.legend(loc="lower right", fontsize=7)
    for axes in (upper, lower):
        axes.set_xlim(edges[0], 1.01)
    upper.set_ylim(-0.02, 1.03)
    lower.set_xlabel("confidence: probability of what is predicted")
