"""A page of A4: words broken to the room that they have, tables, pictures side by side.

Every function takes the height at which it may begin, and returns that at which the next may: in
shares of the page, 1 at its top.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.serving.page.overlays import Bgr, font, wrap_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

A4 = (8.27, 11.69)
"""Inches."""
LEFT, RIGHT = 0.09, 0.91
"""In shares of the page."""
GAP = 0.03
"""Between pictures."""
GREY, WARNING = "0.35", "#8a3b00"
FINEST = 1200
"""Pixels of the longer side of a picture: more than its place on the page shows."""
_MEASURED = 100
"""Pixels of the font that words are measured in."""


def page(
    title: str, number: int, whole: int, size: float = 17, color: str = "black"
) -> "tuple[Figure, float]":
    """The page under its title, and where the rest may begin."""
    from matplotlib.figure import Figure

    made = Figure(figsize=A4)
    _words(made, LEFT, 0.045, DISCLAIMER, 9, weight="bold", color=WARNING)
    _words(made, RIGHT, 0.045, f"scanvote, page {number} of {whole}", 9, ha="right", color=GREY)
    return made, paragraph(made, 0.955, title, size=size, weight="bold", color=color)


def paragraph(
    on: "Figure", y: float, words: str, x: float = LEFT, size: float = 10, **how: Any
) -> float:
    """Words from `x` on, broken at the margin; `how` as Matplotlib's text."""
    for line in _lines(words, size, RIGHT - x, how.get("weight") == "bold"):
        _words(on, x, y, line, size, **how)
        y -= leading(size)
    return y - 0.35 * leading(size)


def table(
    on: "Figure", y: float, rows: Sequence[Sequence[str]], own: set[tuple[int, int]]
) -> float:
    """Rows of cells, the first of which are heads; those of `own`, by row and column, are bold."""
    columns = len(rows[0]) - 1
    ends = [
        LEFT,
        *(LEFT + 0.16 + (RIGHT - LEFT - 0.16) * at / columns for at in range(1, columns + 1)),
    ]
    for place, row in enumerate(rows):
        for at, (x, cell) in enumerate(zip(ends, row, strict=True)):
            weight = "bold" if (place, at) in own else "normal"
            color = "black" if place and at else GREY
            side = "right" if at else "left"
            _words(on, x, y, cell, 9, ha=side, weight=weight, color=color)
        y -= 1.15 * leading(9)
    return y - 0.6 * leading(9)


def terms(on: "Figure", y: float, named: Mapping[str, str]) -> float:
    """A name and what is known of it, a line each and more where it needs them."""
    for name, value in named.items():
        _words(on, LEFT, y, name, 8, color=GREY)
        y = paragraph(on, y, value or " ", x=0.34, size=8) + 0.25 * leading(8)
    return y - leading(8)


def pictures(
    on: "Figure", y: float, named: Mapping[str, Bgr], columns: int, least: float = 0.07
) -> float:
    """Pictures under their captions, so many in a row, that end above `least`."""
    width = (RIGHT - LEFT - GAP * (columns - 1)) / columns
    rows = -(-len(named) // columns)
    caption = 2 * leading(8)
    room = (y - least) / rows - caption - GAP / 2
    height = min(room, max(_height(one, width) for one in named.values()))
    for place, (words, picture) in enumerate(named.items()):
        x = LEFT + place % columns * (width + GAP)
        top = y - place // columns * (height + caption + GAP / 2)
        for at, line in enumerate(_lines(words, 8, width, bold=False)[:2]):
            _words(on, x, top - at * leading(8), line, 8, color=GREY)
        axes = on.add_axes((x, top - caption - height, width, height), anchor="NW")
        axes.imshow(_fitting(picture)[..., ::-1], interpolation="lanczos")
        axes.set_axis_off()
    return y - rows * (height + caption + GAP / 2)


def leading(size: float) -> float:
    """From a line to the next, of a font of so many points."""
    return 1.4 * size / 72 / A4[1]


def _words(on: "Figure", x: float, y: float, words: str, size: float, **how: Any) -> None:
    """Words as they are: a dollar sign is none of TeX's."""
    on.text(x, y, words, fontsize=size, va="top", parse_math=False, **how)


def _lines(words: str, size: float, width: float, bold: bool) -> list[str]:
    """Words in lines, of a share of the page's width."""
    return wrap_text(words, font(_MEASURED, bold), width * A4[0] * 72 / size * _MEASURED)


def _height(picture: Bgr, width: float) -> float:
    """Of a picture as wide as that, in shares of the page."""
    return float(width * A4[0] / A4[1] * picture.shape[0] / picture.shape[1])


def _fitting(picture: Bgr) -> Bgr:
    """Matplotlib takes half a minute and gigabytes for the largest that are taken in."""
    height, width = picture.shape[:2]
    share = FINEST / max(height, width)
    if share >= 1:
        return picture
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
