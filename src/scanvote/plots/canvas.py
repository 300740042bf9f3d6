"""Canvas of all figures: deterministic files that carry the disclaimer.

The same data give the same bytes.
"""

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
"""Colour of the outline of a known lesion: visible on grey slices, on colour ones and on the
colours of a heat map."""
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
"""Tol's muted scheme (SRON/EPS/TN/09-002, 2021), which colour-blind readers can distinguish."""


def class_colour(place: int) -> str:
    """Return the colour of the class at this place of the table.

    The colours repeat from the tenth class on.
    """
    return _CLASSES[place % len(_CLASSES)]


def wrap_label(name: str, width: int = 1000) -> str:
    """Return a name with spaces for underscores, wrapped into lines of `width` letters."""
    return wrap(name.replace("_", " "), width)


def wrap(words: str, width: int = 1000) -> str:
    """Wrap words into lines of `width` letters, which break after a space, - or /.

    A model keeps its name, underscores included: it is that of its files and tables.
    """
    lines = [""]
    for part in re.split(r"(?<=[-/ ])", words):
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
    """Yield axes to draw on, and write the figure to `path` afterwards.

    The axes are a single one, or an array (rows, columns).

    Args:
        heights: relative heights of the rows.
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
    """Yield axes for `count` pictures under captions, each `width` inches wide."""
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
    """Write a grid of scans, each under its caption.

    Args:
        images: uint8 (n, H, W, C) with n > 0; one channel is shown in grey.
    """
    with grid(len(images), columns, title, path) as axes:
        for ax, image, caption in zip(axes, images, captions, strict=True):
            imshow_gray(ax, image, caption)
