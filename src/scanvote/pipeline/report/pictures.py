"""PNG figures embedded in the page, each with an alternative text."""

import base64
import struct
from collections.abc import Iterable
from pathlib import PurePosixPath

from scanvote.pipeline.report import terms
from scanvote.pipeline.report.blocks import Block, Picture, Pictures
from scanvote.pipeline.report.report_data import ReportData


def picture(report: ReportData, path: str, alt: str, caption: str) -> list[Picture]:
    """Return the PNG at `path` as a list, empty if missing."""
    if path not in report.pictures:
        return []
    content = report.pictures[path]
    width, height = png_size(content)
    source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return [Picture(source, alt, caption, width, height)]


def png_size(content: bytes) -> tuple[int, int]:
    """Read the width and height in pixels of a PNG file."""
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def side_by_side(figures: Iterable[Picture]) -> list[Block]:
    """Return a block of figures side by side, if there are any."""
    pictures = tuple(figures)
    return [Pictures(pictures)] if pictures else []


def gallery(figures: Iterable[Picture]) -> list[Block]:
    """Return a block of figures at full width, if there are any."""
    pictures = tuple(figures)
    return [Pictures(pictures, gallery=True)] if pictures else []


def others(report: ReportData, folder: str, shown: Iterable[str]) -> list[Picture]:
    """Return the figures in `folder` whose names are not in `shown`."""
    names = set(shown)
    return [
        one
        for path in report.pictures
        if path.startswith(f"{folder}/") and PurePosixPath(path).stem not in names
        for one in picture(report, path, *_alt_and_caption(path))
    ]


def _alt_and_caption(path: str) -> tuple[str, str]:
    title = terms.words(PurePosixPath(path).stem).capitalize()
    return f"Figure: {title.lower()}", f"{title}."
