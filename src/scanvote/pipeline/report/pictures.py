"""Figures that lie in the page itself, each with words for who does not see it."""

import base64
import struct
from collections.abc import Iterable
from pathlib import PurePosixPath

from scanvote.pipeline.report import terms
from scanvote.pipeline.report.blocks import Block, Picture, Pictures
from scanvote.pipeline.report.report_data import ReportData


def picture(facts: ReportData, path: str, alt: str, caption: str) -> list[Picture]:
    """The PNG at `path`, if it is there."""
    if path not in facts.pictures:
        return []
    content = facts.pictures[path]
    width, height = png_size(content)
    source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return [Picture(source, alt, caption, width, height)]


def png_size(content: bytes) -> tuple[int, int]:
    """Width and height in pixels, as the head of a PNG file tells."""
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def side_by_side(found: Iterable[Picture]) -> list[Block]:
    """Figures beside each other, if there are any."""
    pictures = tuple(found)
    return [Pictures(pictures)] if pictures else []


def gallery(found: Iterable[Picture]) -> list[Block]:
    """Figures below each other in the whole width, if there are any."""
    pictures = tuple(found)
    return [Pictures(pictures, gallery=True)] if pictures else []


def others(facts: ReportData, folder: str, shown: Iterable[str]) -> list[Picture]:
    """The figures in `folder` that no section knows by name."""
    known = set(shown)
    return [
        one
        for path in facts.pictures
        if path.startswith(f"{folder}/") and PurePosixPath(path).stem not in known
        for one in picture(facts, path, *_named(path))
    ]


def _named(path: str) -> tuple[str, str]:
    title = terms.words(PurePosixPath(path).stem).capitalize()
    return f"Figure: {title.lower()}", f"{title}."
