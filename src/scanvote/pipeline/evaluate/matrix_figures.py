"""Figures of confusion, agreement and differences of classifiers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import interval_caption
from scanvote.metrics.comparisons import BASELINE
from scanvote.plots.canvas import PREDICTED, figure, wrap, wrap_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LETTER = 0.085
"""Approximate width of a letter in inches."""
_MEASURES = {"macro_f1": "macro F1", "auroc": "AUROC"}


def confusion_figure(
    matrices: Mapping[str, np.ndarray], labels: Sequence[str], title: str, path: Path
) -> None:
    """Plot counts of truth (rows) against prediction (columns), by model.

    Cells are shaded by their share of the row.

    Args:
        matrices: (C, C) int by model.
        labels: the C classes.
        title: above the panels.
        path: the PNG.
    """
    side = max(0.56 * len(labels), 1.8)
    names = [wrap_label(label) for label in labels]
    label_width = _LETTER * max(map(len, names))
    height = side + 0.6 * label_width + 1.7 + 0.2 * max(title.count("\n") - 2, 0)
    size = (len(matrices) * (side + 0.5) + label_width + 0.4, height)
    with figure(path, title, size, columns=len(matrices)) as axes:
        for cell, (name, matrix) in zip(np.atleast_1d(axes), matrices.items(), strict=True):
            right = np.trace(matrix) / max(matrix.sum(), 1)
            cell.set_title(f"{name}, {100 * right:.1f} % right", fontsize=9)
            shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
            cells = zip(matrix.flat, shares.flat, strict=True)
            _plot_matrix(cell, shares, [f"{count}\n{100 * share:.0f} %" for count, share in cells])
            cell.set_xticks(
                range(len(labels)), names, rotation=35, ha="right", rotation_mode="anchor"
            )
            cell.set_yticks(range(len(labels)), names if cell is np.atleast_1d(axes)[0] else [])
        np.atleast_1d(axes)[0].set_xlabel("predicted", loc="left")  # the footnote is on the right
        np.atleast_1d(axes)[0].set_ylabel("truth")


def _plot_matrix(axes: "Axes", shades: np.ndarray, texts: Sequence[str]) -> None:
    """Draw cells (C, C) with texts, given row by row.

    The shades go from white at 0 to blue at 1.
    """
    axes.imshow(shades, cmap="Blues", vmin=0, vmax=1)
    for (row, column), text in zip(np.ndindex(*shades.shape), texts, strict=True):
        colour = "white" if shades[row, column] > 0.6 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def agreement_figure(table: pd.DataFrame, title: str, path: Path) -> None:
    """Plot Cohen's kappa of every pair of classifiers.

    Their names are on the left, their numbers at the top.

    Args:
        table: as of `metrics.agreement`.
        title: above it.
        path: the PNG.
    """
    names = list(dict.fromkeys(table["model"]))
    square = table.pivot(index="model", columns="other", values="kappa").loc[names, names]
    kappas = square.to_numpy(float)
    numbers = [str(place) for place in range(1, len(names) + 1)]
    row_labels = [
        wrap(f"{number}: {name}", 32) for number, name in zip(numbers, names, strict=True)
    ]
    side = max(0.52 * len(names), 2)
    label_width = _LETTER * max(len(line) for name in row_labels for line in name.split("\n"))
    with figure(path, title, (max(side + label_width + 0.6, 4.8), side + 1.3)) as axes:
        _plot_matrix(axes, kappas, [f"{kappa:.2f}".replace("-", "−") for kappa in kappas.flat])
        axes.set_anchor("E")  # the space for the names is on the left
        axes.set_xticks(range(len(names)), numbers)
        axes.set_yticks(range(len(names)), row_labels)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)


def comparisons_figure(comparisons: pd.DataFrame, path: Path) -> None:
    """Draw a forest plot of the differences between models, by metric.

    The differences to the baseline, which are much larger, have separate axes at the bottom.

    Args:
        comparisons: a row for each comparison and metric: `model`, `against`, `metric`,
            `difference`, `low` and `high`; NaN where undefined or with too few groups.
        path: the PNG.
    """
    chance = comparisons["against"] == BASELINE
    blocks = [part for part in (comparisons[~chance], comparisons[chance]) if len(part)]
    pairs = [list(dict.fromkeys(zip(b["model"], b["against"], strict=True))) for b in blocks]
    metrics = list(dict.fromkeys(comparisons["metric"]))
    heights = [len(own) + 0.3 for own in pairs]
    size = (3.2 + 2.1 * len(metrics), 0.42 * sum(heights) + 0.6 * len(blocks) + 0.7)
    method = interval_caption(comparisons["difference"], comparisons["low"])
    title = f"Differences on the test scans; orange: zero is outside\n{method}"
    with figure(path, title, size, len(blocks), len(metrics), heights) as axes:
        rows = np.reshape(axes, (len(blocks), len(metrics)))
        for cells, block, own in zip(rows, blocks, pairs, strict=True):
            names = [wrap(f"{model} less {other}", 40) for model, other in own]
            for cell, metric in zip(cells, metrics, strict=True):
                _plot_differences(cell, block[block["metric"] == metric], own)
                cell.set_yticks(range(len(own)), names if cell is cells[0] else [""] * len(own))
                cell.set(xlabel=_MEASURES.get(metric, wrap_label(metric)))


def _plot_differences(axes: "Axes", rows: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> None:
    axes.axvline(0, color="0.7", linewidth=1)
    for row in rows.dropna(subset=["difference"]).to_dict("records"):
        place = pairs.index((row["model"], row["against"]))
        colour = PREDICTED if row["low"] > 0 or row["high"] < 0 else "0.35"
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.5)
        axes.plot(row["difference"], place, "s", color=colour, markersize=5)
        axes.annotate(
            f"{row['difference']:+.3f}".replace("-", "−"),
            (row["difference"], place),
            (0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    axes.set_ylim(len(pairs) - 0.5, -0.8)
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=4)
