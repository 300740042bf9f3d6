"""Figures of the probes: scores by protocol, and shortcuts."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scanvote.plots.canvas import AFTER, PREDICTED, TRUTH, figure, wrap_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def inflation_figure(
    table: pd.DataFrame, names: Mapping[str, str], method: str, path: Path
) -> None:
    """Plot each protocol's score with its interval, accuracy beside macro F1.

    Args:
        table: with `protocol`, `scans`, and each metric with `_low` and `_high`; the row
            `inflation` is given in the title.
        names: display names of the protocols.
        method: description of the intervals.
        path: the PNG.
    """
    rows = table[~table["protocol"].str.startswith("inflation")].iloc[::-1]
    added = table[table["protocol"] == "inflation"].iloc[0]
    title = (
        "One linear probe under each protocol: splitting scans at random adds\n"
        f"{_with_interval(added, 'macro_f1')} to macro F1\n{method}"
    )
    ticks = [
        f"{wrap_label(names[name], 28)}\n{scans:,} scans tested"
        for name, scans in zip(rows["protocol"], rows["scans"], strict=True)
    ]
    with figure(path, title, size=(7.2, 1.4 + 0.55 * len(rows)), columns=2) as axes:
        for cell, name in zip(axes, ("accuracy", "macro_f1"), strict=True):
            spread = [rows[name] - rows[f"{name}_low"], rows[f"{name}_high"] - rows[name]]
            leaks = rows["protocol"].isin(["random", "look_alikes", "official_as_published"])
            cell.errorbar(rows[name], range(len(rows)), xerr=spread, fmt="none", ecolor="0.4")
            cell.scatter(
                rows[name],
                range(len(rows)),
                c=leaks.map({True: PREDICTED, False: TRUTH}),
                zorder=3,
            )
            for place, value in enumerate(rows[name]):
                cell.annotate(
                    f"{value:.3f}", (value, place), (0, 6), textcoords="offset points", ha="center"
                )
            cell.set_yticks(range(len(rows)), ticks if cell is axes[0] else [])
            cell.set(ylim=(-0.5, len(rows) - 0.3), xlabel=name.replace("_", " "))


def _with_interval(row: "pd.Series[float]", name: str) -> str:
    if np.isnan(row[f"{name}_low"]):
        return f"{row[name]:.3f} (too few groups for an interval)"
    return f"{row[name]:.3f} ({row[f'{name}_low']:.3f} to {row[f'{name}_high']:.3f})"


def shortcuts_figure(table: pd.DataFrame, method: str, path: Path) -> None:
    """Plot the shortcut probes' scores for class and source.

    The probes see only size, border and intensities.

    Args:
        table: of `pipeline.inflation.shortcuts`. Each target has a panel with the balanced
            accuracy, its interval and the chance level, and one with the sensitivities.
        method: description of the intervals.
        path: the PNG.
    """
    targets = [(str(name), rows.iloc[::-1]) for name, rows in table.groupby("target", sort=True)]
    heights = [len(rows) for _, rows in targets]
    size = (8.4, 1.0 + 0.36 * sum(heights) + 0.6 * len(heights))
    title = f"Predicted from size, border and intensities alone, folds of whole groups\n{method}"
    with figure(path, title, size, rows=len(targets), columns=2, heights=heights) as axes:
        for (left, right), (target, rows) in zip(np.atleast_2d(axes), targets, strict=True):
            _plot_estimates(left, rows)
            left.set(title=f"The {target}", xlabel="balanced accuracy; dashed: chance")
            _plot_sensitivities(right, rows)
            right.set(title=f"Sensitivity of each {target}")


def _plot_estimates(axes: "Axes", rows: pd.DataFrame) -> None:
    value, places = rows["balanced_accuracy"], range(len(rows))
    low, high = (rows[f"balanced_accuracy_{end}"] for end in ("low", "high"))
    axes.axvline(rows["chance_balanced_accuracy"].iloc[0], color="0.4", linestyle="--", linewidth=1)
    axes.errorbar(value, places, xerr=[value - low, high - value], fmt="o", color=AFTER, ms=5)
    for place, one in enumerate(value):
        axes.annotate(f"{one:.2f}", (one, place), (0, 5), textcoords="offset points", ha="center")
    names = [
        f"{wrap_label(name)}, {kind}"
        for name, kind in zip(rows["features"], rows["probe"], strict=True)
    ]
    axes.set_yticks(places, names)
    axes.set(xlim=(0, 1.02), ylim=(-0.5, len(rows) - 0.3))


def _plot_sensitivities(axes: "Axes", rows: pd.DataFrame) -> None:
    defined = rows.filter(regex=r"^sensitivity_").dropna(axis=1, how="all")
    names = [name for name in map(str, defined) if not name.endswith(("_low", "_high"))]
    axes.imshow(defined[names], cmap="Blues", vmin=0, vmax=1, aspect="auto", origin="lower")
    for (place, at), value in np.ndenumerate(defined[names].to_numpy()):
        colour = "white" if value > 0.6 else "black"
        axes.text(at, place, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(names)), [wrap_label(name[12:], 14) for name in names])
    axes.set_yticks([])
