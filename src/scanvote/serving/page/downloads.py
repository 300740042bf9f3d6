"""What can be taken away: the row of a scan, and its picture with the outline."""

import csv
from io import StringIO
from typing import Literal
from urllib.parse import quote

from fastapi.responses import Response

from scanvote.datasets.user_data.scan_tree import stem
from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.rows import columns, row
from scanvote.predict.schema import FileError, ScanPrediction
from scanvote.serving.page.overlays import add_caption
from scanvote.serving.page.result_cache import CachedResult, CachedScan
from scanvote.serving.page.texts import result_text

File = Literal["table.csv", "scan-with-outline.png"]
Cell = str | float | int | bool | None
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that a spreadsheet takes for a formula (OWASP, CSV injection)."""


def download(shown: CachedScan, file: File, contents: ModelMetadata) -> Response:
    """One of the files of a scan, called after the scan's own."""
    name = f"{called(shown.examined.finding)}-{file}"
    if file == "table.csv":
        return _attached(table(CachedResult((shown,)), contents), "text/csv; charset=utf-8", name)
    return _attached(picture(shown, contents), "image/png", name)


def called(finding: ScanPrediction) -> str:
    """What the files of a scan begin with: ``head-axial-5`` of a slice of ``head.nii.gz``."""
    cut = [] if finding.slice is None else [finding.plane or "", str(finding.slice)]
    return "-".join([stem(finding.file), *filter(None, cut)])


def downloaded_table(asked: CachedResult, contents: ModelMetadata) -> Response:
    """A row a scan, and one with the reason for each file that was refused."""
    return _attached(table(asked, contents), "text/csv; charset=utf-8", "scans-table.csv")


def table(asked: CachedResult, contents: ModelMetadata) -> bytes:
    """CSV as the shell writes it, without the pictures' columns, and with no cell a formula."""
    buffer = StringIO()
    writer = csv.DictWriter(buffer, columns(contents.classifiers, {}), lineterminator="\n")
    writer.writeheader()
    said: list[ScanPrediction | FileError] = [
        *(one.examined.finding for one in asked.scans),
        *asked.refusals,
    ]
    writer.writerows({name: plain(cell) for name, cell in row(one, {}).items()} for one in said)
    return buffer.getvalue().encode()


def plain(cell: Cell) -> Cell:
    """Text that a spreadsheet would compute stays text by an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell


def picture(shown: CachedScan, contents: ModelMetadata) -> bytes:
    """PNG of the scan with the outline, and under it what is said."""
    said = result_text(shown.examined.finding, contents)
    lines = [said.name, *said.warnings, f"{said.summary}. {said.agreement}", said.tumour]
    return add_caption(shown.examined.scan, shown.examined.mask, lines)


def _attached(content: bytes, kind: str, name: str) -> Response:
    plain = "".join(sign if sign.isascii() and sign.isprintable() else "_" for sign in name)
    plain = plain.replace('"', "_").replace("\\", "_")
    how = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": how, "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
