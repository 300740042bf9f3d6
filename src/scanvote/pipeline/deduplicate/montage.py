"""Montage of image pairs and their differences, to judge in a minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scanvote.core.disclaimer import footnote
from scanvote.core.files import atomic_write
from scanvote.images.decode import Rgb, decode_image

COLUMNS = 3
SIDE = 128
"""Height and width of an image in the montage, in pixels."""
GAP = 4
AMPLIFIED = 3
"""Factor by which differences are amplified."""


@dataclass(frozen=True)
class MontagePair:
    """Two images and their title, which is red for a warning."""

    left: Path
    right: Path
    text: str
    warning: bool = False


def write_montage(pairs: Sequence[MontagePair], title: str, path: Path) -> None:
    """Draw the pairs in rows of three, as a PNG.

    Raises:
        DecodeError: an image is missing or damaged.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = max(1, -(-len(pairs) // COLUMNS))
    figure = Figure(figsize=(4.1 * COLUMNS, 0.6 + 1.8 * rows), dpi=100, layout="constrained")
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(footnote(), x=0.99, ha="right", fontsize=7, color="0.45")
    for place, axes in enumerate(figure.subplots(rows, COLUMNS, squeeze=False).flat):
        axes.set_axis_off()
        if place < len(pairs):
            pair = pairs[place]
            axes.imshow(pair_image(decode_image(pair.left), decode_image(pair.right)))
            axes.set_title(pair.text, fontsize=7, color="firebrick" if pair.warning else "black")
    with atomic_write(path) as beside, beside.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})  # type: ignore[no-untyped-call]


def pair_image(left: Rgb, right: Rgb) -> Rgb:
    """Return both images, each fitted into a square, and their difference.

    The difference is amplified `AMPLIFIED` times.

    Returns:
        uint8 (SIDE, 3 · SIDE + 2 · GAP, 3).
    """
    gap = np.full((SIDE, GAP, 3), 255, np.uint8)
    first, second = _fitted(left), _fitted(right)
    difference = np.abs(first.astype(int) - second).clip(0, 255 // AMPLIFIED) * AMPLIFIED
    return np.hstack([first, gap, second, gap, difference.astype(np.uint8)])


def _fitted(image: Rgb) -> Rgb:
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    square = np.full((SIDE, SIDE, 3), 128, np.uint8)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square
