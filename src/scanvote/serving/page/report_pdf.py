"""The report of one scan as a PDF: the same scan and answer, the same bytes."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from textwrap import wrap
from threading import Lock
from typing import TYPE_CHECKING, Any

from scanvote.findings import DISCLAIMER, Finding
from scanvote.package import Contents
from scanvote.report import names
from scanvote.serving.page.overlays import heated, outlined, pixels
from scanvote.serving.page.recent import Shown
from scanvote.serving.page.wording import Told, digests, told

if TYPE_CHECKING:
    from matplotlib.figure import Figure

A4 = (8.27, 11.69)
"""Inches."""
LEFT, RIGHT, LINE = 0.09, 0.91, 0.0165
"""In shares of the page."""
METHODS = {"gradcam": "Grad-CAM", "occlusion": "Occlusion", "lime": "LIME"}
_drawing = Lock()
"""Matplotlib is not made for threads."""


def report_pdf(shown: Shown, contents: Contents) -> bytes:
    """Scan, outline, explanations that were asked for, all figures, and what they are of."""
    from matplotlib.backends.backend_pdf import PdfPages

    said, buffer = told(shown.examined.finding, contents), BytesIO()
    with (
        _drawing,
        PdfPages(buffer, metadata={"CreationDate": None, "Title": said.name}) as book,
    ):
        book.savefig(_answer(shown, said))
        book.savefig(_figures(shown.examined.finding, said, contents))
    return buffer.getvalue()


def _page(title: str, number: int) -> "Figure":
    from matplotlib.figure import Figure

    page = Figure(figsize=A4)
    _words(page, LEFT, 0.955, title, size=16, weight="bold")
    _words(page, LEFT, 0.035, DISCLAIMER, size=9, weight="bold", color="#8a3b00")
    _words(page, RIGHT, 0.035, f"scanvote, page {number} of 2", size=9, ha="right", color="0.35")
    return page


def _words(page: "Figure", x: float, y: float, words: str, size: float = 10, **how: Any) -> None:
    """Words as they are: a dollar sign is none of TeX's."""
    page.text(x, y, words, fontsize=size, va="top", parse_math=False, **how)


def _paragraph(page: "Figure", y: float, words: str, **how: Any) -> float:
    """Words broken to the width of the page; returns where the next may begin."""
    for line in wrap(words, 92) or [""]:
        _words(page, LEFT, y, line, **how)
        y -= LINE
    return y - 0.4 * LINE


def _answer(shown: Shown, said: Told) -> "Figure":
    """The first page: pictures and the answer in words."""
    page = _page(said.summary.capitalize(), 1)
    y = _paragraph(page, 0.925, said.name, color="0.35")
    for warning in said.warnings:
        y = _paragraph(page, y, warning, color="#8a3b00", weight="bold")
    for words in (said.agreement, *said.doubts, said.operating, said.tumour):
        y = _paragraph(page, y, words) if words else y
    _pictures(page, shown, y - LINE)
    return page


def _pictures(page: "Figure", shown: Shown, top: float) -> None:
    """The scan, the scan outlined, and each explanation of the vote, two in a row."""
    examined = shown.examined
    pictures = {
        "As it was read": pixels(examined.scan),
        "Outline of what is marked": outlined(examined.scan, examined.mask),
    }
    for method, explained in shown.explained.items():
        heat = next(iter(explained.maps.values()))
        caption = f"What speaks for the answer: {METHODS[method]}, the vote"
        pictures[caption] = pixels(heated(explained.scan, heat))
    rows = -(-len(pictures) // 2)
    height = min(0.3, (top - 0.07) / rows - 0.03)
    for place, (caption, picture) in enumerate(pictures.items()):
        x = LEFT if place % 2 == 0 else 0.515
        y = top - (place // 2) * (height + 0.035)
        _words(page, x, y, caption, size=9, color="0.35")
        axes = page.add_axes((x, y - LINE - height, 0.395, height), anchor="NW")
        axes.imshow(picture[..., ::-1], interpolation="lanczos")
        axes.set_axis_off()


def _figures(finding: Finding, said: Told, contents: Contents) -> "Figure":
    """The second page: every figure, the file, and the model."""
    page = _page("Figures, file and model", 2)
    labels = list(finding.probabilities)
    rows = [["vote", finding.vote, *_digits(finding.probabilities.values())]]
    rows += [[one.model, one.vote, *_digits(one.probabilities.values())] for one in finding.members]
    head = ["", "says", *labels]
    y = _table(page, 0.92, [[names.words(cell) for cell in row] for row in [head, *rows]])
    y = _terms(page, y, said.facts)
    y = _terms(page, y, digests(contents))
    _terms(page, y, contents.versions)
    return page


def _digits(shares: Iterable[float]) -> list[str]:
    return [f"{share:.4f}" for share in shares]


def _table(page: "Figure", y: float, rows: Sequence[Sequence[str]]) -> float:
    """Rows of cells, the first wide; returns where the next may begin."""
    classes = len(rows[0]) - 2
    places = [LEFT, 0.4, *(0.52 + (RIGHT - 0.52) * at / classes for at in range(classes))]
    for row in rows:
        for x, cell in zip(places, row, strict=True):
            _words(page, x, y, cell[:40], size=7.5, color="black" if row[0] else "0.35")
        y -= LINE
    return y - LINE


def _terms(page: "Figure", y: float, terms: Mapping[str, str]) -> float:
    """A name and what is known of it, a line each."""
    for name, value in terms.items():
        _words(page, LEFT, y, name[:36], size=8, color="0.35")
        for line in wrap(value, 70) or [""]:
            _words(page, 0.34, y, line, size=8)
            y -= LINE
    return y - LINE
