"""The report of one scan as a PDF: the same scan and answer, the same bytes."""

import warnings
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms as names
from scanvote.predict.schema import MemberVote, ScanPrediction
from scanvote.serving.page.facts import digests, patients
from scanvote.serving.page.overlays import draw_heatmap, draw_outline, pixels
from scanvote.serving.page.report_layout import (
    GREY,
    WARNING,
    page,
    paragraph,
    pictures,
    table,
    terms,
)
from scanvote.serving.page.result_cache import CachedScan
from scanvote.serving.page.texts import ResultText, explained_class, result_text
from scanvote.serving.page.views import WAYS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW = 6
"""Explanations that are shown large."""
_drawing = Lock()
"""Matplotlib is not made for threads."""


def report_pdf(shown: CachedScan, contents: ModelMetadata) -> bytes:
    """A page with scan, outline, figures and model; one more with what was explained, if any."""
    from matplotlib.backends.backend_pdf import PdfPages

    said, buffer = result_text(shown.examined.finding, contents), BytesIO()
    whole = 2 if shown.explained else 1
    with (
        _drawing,
        warnings.catch_warnings(),
        PdfPages(buffer, metadata={"CreationDate": None, "Title": said.name}) as book,
    ):
        # of signs that the font lacks, which are those of a name, the log tells nothing
        warnings.simplefilter("ignore")
        book.savefig(_answer(shown, said, contents, whole))
        if shown.explained:
            book.savefig(_explanations(shown, whole))
    return buffer.getvalue()


def _answer(shown: CachedScan, said: ResultText, contents: ModelMetadata, whole: int) -> "Figure":
    """The first page; of a scan outside, the warning is its title."""
    if said.outside:
        on, y = page(said.warnings[0], 1, whole, size=14, color=WARNING)
    else:
        on, y = page(said.summary.capitalize(), 1, whole)
    for warning in said.warnings[said.outside :]:
        y = paragraph(on, y, warning, color=WARNING, weight="bold")
    if said.outside:
        y = paragraph(on, y, f"{said.heading}, {said.probability}", color=GREY)
    y = paragraph(on, y, said.name, color=GREY)
    for words in (said.agreement, *said.doubts, said.operating, said.tumour):
        y = paragraph(on, y, words) if words else y
    below = 1 - _figures(page("", 1, 1)[0], 1, shown.examined.finding, said, contents)
    y = _looks(on, y - 0.012, shown, least=0.065 + below)
    _figures(on, y, shown.examined.finding, said, contents)
    return on


def _looks(on: "Figure", y: float, shown: CachedScan, least: float) -> float:
    """The scan, and the scan outlined."""
    examined = shown.examined
    looks = {
        "As it was read": pixels(examined.scan),
        "Outline of what is marked": draw_outline(examined.scan, examined.mask),
    }
    return pictures(on, y, looks, columns=2, least=least)


def _figures(
    on: "Figure", y: float, finding: ScanPrediction, said: ResultText, contents: ModelMetadata
) -> float:
    """A row a class, a column the vote and each member; the file; the model."""
    members, labels = finding.members, list(finding.probabilities)
    voices: list[ScanPrediction | MemberVote] = [finding, *members]
    rows = [["Probability", "vote", *(str(at) for at, _ in enumerate(members, start=1))]]
    for label in labels:
        shares = [one.probabilities[label] for one in voices]
        rows.append([names.words(label), *(f"{share:.4f}" for share in shares)])
    own = {(1 + labels.index(one.vote), at) for at, one in enumerate(voices, start=1)}
    y = table(on, y, rows, own)
    for at, one in enumerate(members, start=1):
        y = paragraph(on, y, f"{at}: {names.model(one.model)}", size=8, color=GREY)
    versions = ", ".join(f"{name} {number}" for name, number in contents.versions.items())
    y = terms(on, y - 0.012, said.facts)
    return terms(on, y, {**patients(contents), **digests(contents), "Versions": versions})


def _explanations(shown: CachedScan, whole: int) -> "Figure":
    """The second page: each method's map of the vote and of each member."""
    finding = shown.examined.finding
    numbers = {one.model: f"member {at}" for at, one in enumerate(finding.members, start=1)}
    maps = {
        f"{WAYS[method][0]}, {numbers.get(model, model)}: what speaks for "
        f"{explained_class(finding, model)}": pixels(draw_heatmap(explained.scan, heat))
        for method, explained in shown.explained.items()
        for model, heat in explained.maps.items()
    }
    on, y = page("What speaks for the answer", 2, whole)
    hint = "It shows what the networks attend to, not what is true; brighter where more of it is."
    y = paragraph(on, y, hint, color=GREY)
    pictures(on, y - 0.012, maps, columns=2 if len(maps) <= FEW else 4)
    return on
