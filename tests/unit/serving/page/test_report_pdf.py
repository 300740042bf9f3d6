import asyncio
import re
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from scanvote.findings import DISCLAIMER
from scanvote.serving.page import report_pdf
from scanvote.serving.page.recent import Shown
from scanvote.serving.work import Upload
from tests.serving import FakeEngine, contents, tumour_png


@pytest.fixture(scope="module")
def shown() -> Shown:
    upload = Upload("a $x_1$ slice.png", tumour_png())
    return Shown(upload, 0, asyncio.run(FakeEngine().predict(upload))[0])


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


def test_the_same_scan_has_the_same_report_also_of_several_threads(shown: Shown) -> None:
    with ThreadPoolExecutor(4) as threads:
        reports = set(threads.map(lambda _: report_pdf.report_pdf(shown, contents()), range(4)))
    assert len(reports) == 1
    report = reports.pop()
    assert report.startswith(b"%PDF")
    assert pages(report) == 2
    assert b"CreationDate" not in report


def test_every_page_is_of_a4_and_says_what_it_is_not_for(shown: Shown) -> None:
    report = report_pdf.report_pdf(shown, contents())
    boxes = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", report)
    assert [(round(float(w)), round(float(h))) for w, h in boxes] == [(595, 842)] * 2
    assert _said(report, DISCLAIMER) == 2


def _said(report: bytes, words: str) -> int:
    """How often words are drawn: Matplotlib places sign by sign, one text between BT and ET."""
    texts = re.findall(rb"BT\n(.*?)\nET", drawn(report), re.DOTALL)
    said = [b"".join(re.findall(rb"\(((?:\\.|[^\\)])*)\)", text)) for text in texts]
    return sum(words.encode() in one for one in said)


def test_an_explanation_that_was_made_is_in_it(shown: Shown) -> None:
    explained = asyncio.run(FakeEngine().explain(shown.upload, "lime"))
    richer = Shown(shown.upload, 0, shown.examined, {"lime": explained})
    before, after = (report_pdf.report_pdf(one, contents()) for one in (shown, richer))
    assert after.count(b"/Subtype /Image") == before.count(b"/Subtype /Image") + 1
    assert _said(after, "LIME") == 1


def test_every_figure_of_every_member_is_in_it(shown: Shown) -> None:
    report = report_pdf.report_pdf(shown, contents())
    for member in shown.examined.finding.members:
        for share in member.probabilities.values():
            assert _said(report, f"{share:.4f}")
    assert _said(report, "c" * 64), "the digest of the test scans"
