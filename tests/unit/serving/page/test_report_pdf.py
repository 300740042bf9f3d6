import asyncio
import re
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.predict.schema import OodScore
from scanvote.serving.engine_api import Upload
from scanvote.serving.page import report_layout, report_pdf
from scanvote.serving.page.result_cache import CachedScan
from tests.serving import FakeEngine, contents, tumour_png


@pytest.fixture(scope="module")
def shown() -> CachedScan:
    upload = Upload("a $x_1$ slice.png", tumour_png())
    return CachedScan(upload, 0, asyncio.run(FakeEngine().predict(upload))[0])


def pages(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page ")


def drawn(pdf: bytes) -> bytes:
    """All that is drawn, by the commands that draw it."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return b"".join(_plain(one) for one in streams)


def _plain(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def test_the_same_scan_has_the_same_report_also_of_several_threads(shown: CachedScan) -> None:
    with ThreadPoolExecutor(4) as threads:
        reports = set(threads.map(lambda _: report_pdf.report_pdf(shown, contents()), range(4)))
    assert len(reports) == 1
    report = reports.pop()
    assert report.startswith(b"%PDF")
    assert pages(report) == 1
    assert b"CreationDate" not in report


def test_every_page_is_of_a4_and_says_what_it_is_not_for(shown: CachedScan) -> None:
    report = report_pdf.report_pdf(shown, contents())
    boxes = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", report)
    assert [(round(float(w)), round(float(h))) for w, h in boxes] == [(595, 842)]
    assert _said(report, DISCLAIMER) == 1


def test_signs_of_a_name_that_the_font_lacks_are_not_told(shown: CachedScan) -> None:
    finding = shown.examined.finding.model_copy(update={"file": "患者.png"})
    named = replace(shown, examined=replace(shown.examined, finding=finding))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        report_pdf.report_pdf(named, contents())
    assert not told


def _said(report: bytes, words: str) -> int:
    """How often words are drawn: Matplotlib places sign by sign, one text between BT and ET."""
    return sum(words.encode() in one for one in _texts(report))


def _texts(report: bytes) -> list[bytes]:
    texts = re.findall(rb"BT\n(.*?)\nET", drawn(report), re.DOTALL)
    return [b"".join(re.findall(rb"\(((?:\\.|[^\\)])*)\)", text)) for text in texts]


def test_an_explanation_that_was_made_is_in_it(shown: CachedScan) -> None:
    explained = asyncio.run(FakeEngine().explain(shown.upload, "lime"))
    richer = CachedScan(shown.upload, 0, shown.examined, {"lime": explained})
    before, after = (report_pdf.report_pdf(one, contents()) for one in (shown, richer))
    maps = len(explained.maps)
    assert after.count(b"/Subtype /Image") == before.count(b"/Subtype /Image") + maps
    assert _said(after, "LIME") == maps
    assert _said(after, "LIME, vote: what speaks for glioma") == 1
    assert pages(after) == _said(after, DISCLAIMER) == 2


def test_no_line_runs_out_of_the_page(shown: CachedScan) -> None:
    words = "This scan is outside what the model has seen: " * 4 + "x" * 200
    on, y = report_layout.page(words, 1, 1)
    report_layout.paragraph(on, y, words, weight="bold")
    on.canvas.draw()
    ends = [text.get_window_extent().x1 / on.bbox.width for text in on.texts]
    assert max(ends) < report_layout.RIGHT + 0.02
    assert len(ends) > 6


def test_of_a_scan_outside_the_warning_stands_before_the_answer(shown: CachedScan) -> None:
    finding = shown.examined.finding
    far = finding.model_copy(update={"familiarity": OodScore(distance=3.2, outside=True)})
    report = report_pdf.report_pdf(
        replace(shown, examined=replace(shown.examined, finding=far)), contents()
    )
    said = _texts(report)
    warned = next(at for at, one in enumerate(said) if b"outside what the model has seen" in one)
    answered = next(at for at, one in enumerate(said) if b"answer nevertheless: glioma" in one)
    assert warned < answered


def test_every_figure_of_every_member_is_in_it(shown: CachedScan) -> None:
    report = report_pdf.report_pdf(shown, contents())
    for member in shown.examined.finding.members:
        for share in member.probabilities.values():
            assert _said(report, f"{share:.4f}")
    assert _said(report, "c" * 64), "the digest of the test scans"
