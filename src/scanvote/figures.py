"""The pictures: same data, same bytes; every one says what it is not for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scanvote.files import written
from scanvote.importance import choices, explained_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DISCLAIMER = "Research use, not for diagnosis."
SMOKE = "Smoke run, not a result. "
_smoke = False


def mark_smoke(smoke: bool) -> None:
    """From here on every figure says that it is of a smoke run, or does not."""
    global _smoke
    _smoke = smoke


def footnote() -> str:
    """What every figure says of itself."""
    return f"{SMOKE if _smoke else ''}{DISCLAIMER}"


_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
_TRUTH, _PREDICTED = "#2ca25f", "#e6550d"


@contextmanager
def _figure(
    path: Path, title: str, size: tuple[float, float], rows: int = 1, columns: int = 1
) -> Iterator[Any]:
    """Axes to draw on, one or an array (rows, columns); written to `path` at the block's end."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, dpi=110)
        figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
        figure.supxlabel(footnote(), x=0.99, ha="right", fontsize=7, color="0.45")
        yield figure.subplots(rows, columns)
        with written(path) as beside, beside.open("wb") as file:
            FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})  # type: ignore[no-untyped-call]


def confusion_figure(matrix: np.ndarray, labels: Sequence[str], title: str, path: Path) -> None:
    """Counts of truth (rows) against vote (columns); the shade is the share of the row."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with _figure(path, title, size=(1.6 + 0.95 * len(labels), 1.5 + 0.8 * len(labels))) as axes:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(*matrix.shape):
            colour = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, matrix[row, column], ha="center", va="center", color=colour)
        words = [label.replace("_", " ") for label in labels]
        axes.set_xticks(range(len(labels)), words, rotation=30, ha="right")
        axes.set_yticks(range(len(labels)), words)
        axes.set(xlabel="predicted", ylabel="truth")
        axes.spines[:].set_visible(False)


def roc_figure(
    curves: dict[str, tuple[np.ndarray, np.ndarray]],
    areas: dict[str, float],
    title: str,
    path: Path,
) -> None:
    """One curve a class, against the rest, with its area in the legend."""
    with _figure(path, title, size=(4.6, 4.4)) as axes:
        axes.plot([0, 1], [0, 1], color="0.8", linewidth=1)
        for label, (false_positive, true_positive) in curves.items():
            words = f"{label.replace('_', ' ')}  {areas[label]:.3f}"
            axes.plot(false_positive, true_positive, label=words, linewidth=1.5)
        axes.set(xlabel="1 − specificity", ylabel="sensitivity", aspect="equal")
        axes.legend(title="area under the curve", loc="lower right")


def curves_figure(curves: pd.DataFrame, score: str, title: str, path: Path) -> None:
    """A score by epoch, from `score` or the columns of the best models, ``<score>_1``…"""
    with _figure(path, title, size=(5.2, 3.2)) as axes:
        for column in (c for c in curves.columns if c.startswith(score)):
            place = column.removeprefix(score).strip("_")
            axes.plot(curves["epoch"] + 1, curves[column], marker=".", label=f"model {place}")
        axes.set(xlabel="epoch", ylabel=score.removeprefix("val_").replace("_", " "))
        if score not in curves:
            axes.legend()


def choices_figure(table: pd.DataFrame, score: str, title: str, path: Path) -> None:
    """A panel a hyperparameter, the one that mattered most first: each trial's score by its value.

    Args:
        table: a trial a row, as of `trials_table`.
        score: the column to show.
    """
    tried = {name: explained_share(table, name, score) for name in choices(table)}
    names = sorted(tried, key=lambda name: (-np.nan_to_num(tried[name]), name)) or ["trial"]
    with _figure(path, title, size=(2.6 * len(names) + 0.8, 3.2), columns=len(names)) as axes:
        for cell, name in zip(np.atleast_1d(axes), names, strict=True):
            _show_choice(cell, table[table[score].notna()], name, score)
            if name in tried:
                cell.set_title(_explained(tried[name]))
        np.atleast_1d(axes)[0].set_ylabel(score.replace("_", " ").replace("val", "validation"))


def _explained(share: float) -> str:
    return f"explains {100 * share:.0f} % of the variance" if share == share else "each tried once"


def _show_choice(axes: "Axes", trials: pd.DataFrame, name: str, score: str) -> None:
    known = trials[trials[name].notna()]
    values = sorted(known[name].unique())
    place = known[name].map({value: at for at, value in enumerate(values)})
    axes.scatter(place, known[score], color="#6baed6", s=22, alpha=0.8)
    means = known.groupby(place)[score].mean()
    axes.plot(means.index, means, color=_PREDICTED, marker="_", markersize=14, linewidth=1)
    words = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    axes.set_xticks(range(len(values)), words, rotation=30 if max(map(len, words)) > 4 else 0)
    axes.set(xlabel=name.replace("_", " "), xlim=(-0.5, len(values) - 0.5))


def gallery(
    images: np.ndarray, captions: Sequence[str], title: str, path: Path, columns: int = 6
) -> None:
    """Scans in a grid, each under its caption.

    Args:
        images: uint8 (n, H, W, C) with n > 0; one channel is shown in grey.
    """
    with _grid(len(images), columns, title, path) as axes:
        for ax, image, caption in zip(axes, images, captions, strict=True):
            _show(ax, image, caption)


def contours(
    images: np.ndarray,
    truths: np.ndarray,
    masks: np.ndarray,
    captions: Sequence[str],
    title: str,
    path: Path,
    columns: int = 6,
) -> None:
    """Scans with the outlines of the true and the predicted mask.

    Args:
        images: uint8 (n, H, W, C) with n > 0.
        truths, masks: bool (n, H, W).
    """
    with _grid(len(images), columns, title, path) as axes:
        for ax, image, truth, mask, caption in zip(
            axes, images, truths, masks, captions, strict=True
        ):
            _show(ax, image, caption)
            for outline, colour in ((truth, _TRUTH), (mask, _PREDICTED)):
                if outline.any():
                    ax.contour(outline, levels=[0.5], colors=[colour], linewidths=1.2)


@contextmanager
def _grid(count: int, columns: int, title: str, path: Path) -> Iterator[list["Axes"]]:
    columns = min(columns, count)
    rows = -(-count // columns)
    size = (max(1.7 * columns, 4.5), 2.0 * rows + 0.6)
    with _figure(path, title, size, rows, columns) as axes:
        cells = list(np.atleast_1d(axes).flat)
        for cell in cells:
            cell.axis("off")
        yield cells[:count]


def _show(axes: "Axes", image: np.ndarray, caption: str) -> None:
    axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
    axes.set_title(caption, fontsize=7, loc="center")


def inflation_figure(table: pd.DataFrame, path: Path) -> None:
    """A point and its interval a protocol, accuracy beside macro F1.

    Args:
        table: with `protocol`, `scans`, and each statistic with `_low` and `_high`; the row
            `inflation` stands in the title.
    """
    rows = table[table["protocol"] != "inflation"].iloc[::-1]
    added = table[table["protocol"] == "inflation"].iloc[0]
    title = (
        "One linear probe under each protocol: leaks add "
        f"{added['macro_f1']:.3f} ({added['macro_f1_low']:.3f} to {added['macro_f1_high']:.3f})"
        " to macro F1"
    )
    names = [
        f"{name.replace('_', ' ')}\n{scans:,} scans tested"
        for name, scans in zip(rows["protocol"], rows["scans"], strict=True)
    ]
    with _figure(path, title, size=(7.2, 1.4 + 0.55 * len(rows)), columns=2) as axes:
        for cell, name in zip(axes, ("accuracy", "macro_f1"), strict=True):
            spread = [rows[name] - rows[f"{name}_low"], rows[f"{name}_high"] - rows[name]]
            leaks = rows["protocol"].isin(["random", "official_as_published"])
            cell.errorbar(rows[name], range(len(rows)), xerr=spread, fmt="none", ecolor="0.4")
            cell.scatter(
                rows[name],
                range(len(rows)),
                c=leaks.map({True: _PREDICTED, False: _TRUTH}),
                zorder=3,
            )
            for place, value in enumerate(rows[name]):
                cell.annotate(
                    f"{value:.3f}", (value, place), (0, 6), textcoords="offset points", ha="center"
                )
            cell.set_yticks(range(len(rows)), names if cell is axes[0] else [])
            cell.set(
                ylim=(-0.5, len(rows) - 0.3), xlabel=f"{name.replace('_', ' ')}, 95 % interval"
            )


def dice_figure(patients: pd.DataFrame, title: str, path: Path) -> None:
    """A bar a patient, the worst at the bottom, with the mean and the median.

    Args:
        patients: with `patient` and `dice`.
    """
    ordered = patients.sort_values(["dice", "patient"])
    with _figure(path, title, size=(5.2, 1.3 + 0.22 * len(ordered))) as axes:
        axes.barh(ordered["patient"], ordered["dice"], color="#6baed6", height=0.7)
        for value, name, line in (
            (ordered["dice"].mean(), "mean", "-"),
            (ordered["dice"].median(), "median", "--"),
        ):
            axes.axvline(
                value, color="0.2", linestyle=line, linewidth=1, label=f"{name} {value:.3f}"
            )
        axes.set(xlim=(0, 1), xlabel="Dice of the patient's slices together")
        axes.legend(loc="lower right", ncols=2, bbox_to_anchor=(1, 1))
