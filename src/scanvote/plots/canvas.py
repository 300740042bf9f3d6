"""What every picture is drawn on: same data, same bytes; it says what it is not for."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanvote.core.disclaimer import footnote
from scanvote.core.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
TRUTH, PREDICTED = "#2ca25f", "#e6550d"
OUTLINE = "#22d3ee"
"""Of a known lesion: seen on grey slices, on colour ones and on the colours of a map."""
BEFORE, AFTER = "#cc6677", "#332288"
_CLASSES = [
    "#332288",
    "#cc6677",
    "#44aa99",
    "#aa4499",
    "#999933",
    "#117733",
    "#882255",
    "#88ccee",
    "#ddcc77",
]
"""Tol's muted scheme (SRON/EPS/TN/09-002, 2021), told apart by the colour-blind."""


def class_colour(place: int) -> str:
    """Of the class that stands there in the table; the tenth has the first's."""
    return _CLASSES[place % len(_CLASSES)]


def wrap_label(name: str, width: int = 1000) -> str:
    """A name as a person writes it, in lines of `width` letters, cut behind a space, - or /."""
    lines = [""]
    for part in re.split(r"(?<=[-/ ])", name.replace("_", " ")):
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


@contextmanager
def figure(
    path: Path,
    title: str,
    size: tuple[float, float],
    rows: int = 1,
    columns: int = 1,
    heights: Sequence[float] | None = None,
) -> Iterator[Any]:
    """Axes to draw on, one or an array (rows, columns); written to `path` at the block's end.

    Args:
        heights: of the rows, in shares of each other.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, dpi=110)
        figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
        figure.supxlabel(footnote(), x=0.99, ha="right", fontsize=7, color="0.45")
        yield figure.subplots(rows, columns, height_ratios=heights)
        with atomic_write(path) as beside, beside.open("wb") as file:
            FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})  # type: ignore[no-untyped-call]


@contextmanager
def grid(
    count: int, columns: int, title: str, path: Path, width: float = 1.7
) -> Iterator[list["Axes"]]:
    """Cells for `count` pictures under captions, each so many inches wide."""
    columns = min(columns, count)
    rows = -(-count // columns)
    size = (max(width * columns, 4.5), 2.0 * rows + 0.6)
    with figure(path, title, size, rows, columns) as axes:
        cells = list(np.atleast_1d(axes).flat)
        for cell in cells:
            cell.axis("off")
        yield cells[:count]


def imshow_gray(axes: "Axes", image: np.ndarray, caption: str) -> None:
    axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
    axes.set_title(caption, fontsize=7, loc="center")


def gallery(
    images: np.ndarray, captions: Sequence[str], title: str, path: Path, columns: int = 6
) -> None:
    """Scans in a grid, each under its caption.

    Args:
        images: uint8 (n, H, W, C) with n > 0; one channel is shown in grey.
    """
    with grid(len(images), columns, title, path) as axes:
        for ax, image, caption in zip(axes, images, captions, strict=True):
            imshow_gray(ax, image, caption)
