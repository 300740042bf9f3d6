"""What can be taken away: the row of a scan, and its picture with the outline."""

import csv
from io import StringIO
from typing import Literal
from urllib.parse import quote

from fastapi.responses import Response

from scanvote.datasets.own.walk import stem
from scanvote.findings import Finding, Refusal
from scanvote.package import Contents
from scanvote.predict.rows import columns, row
from scanvote.serving.page.overlays import captioned
from scanvote.serving.page.recent import Asked, Shown
from scanvote.serving.page.wording import told

File = Literal["table.csv", "scan-with-outline.png"]
Cell = str | float | int | bool | None
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that a spreadsheet takes for a formula (OWASP, CSV injection)."""


def download(shown: Shown, file: File, contents: Contents) -> Response:
    """One of the files of a scan, called after the scan's own."""
    name = f"{called(shown.examined.finding)}-{file}"
    if file == "table.csv":
        return _attached(table(Asked((shown,)), contents), "text/csv; charset=utf-8", name)
    return _attached(picture(shown, contents), "image/png", name)


def called(finding: Finding) -> str:
    """What the files of a scan begin with: ``head-axial-5`` of a slice of ``head.nii.gz``."""
    cut = [] if finding.slice is None else [finding.plane or "", str(finding.slice)]
    return "-".join([stem(finding.file), *filter(None, cut)])


def downloaded_table(asked: Asked, contents: Contents) -> Response:
    """A row a scan, and one with the reason for each file that was refused."""
    return _attached(table(asked, contents), "text/csv; charset=utf-8", "scans-table.csv")


def table(asked: Asked, contents: Contents) -> bytes:
    """CSV as the shell writes it, without the pictures' columns, and with no cell a formula."""
    buffer = StringIO()
    writer = csv.DictWriter(buffer, columns(contents.classifiers, {}), lineterminator="\n")
    writer.writeheader()
    said: list[Finding | Refusal] = [
        *(one.examined.finding for one in asked.scans),
        *asked.refusals,
    ]
    writer.writerows({name: plain(cell) for name, cell in row(one, {}).items()} for one in said)
    return buffer.getvalue().encode()


def plain(cell: Cell) -> Cell:
    """Text that a spreadsheet would compute stays text by an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell


def picture(shown: Shown, contents: Contents) -> bytes:
    """PNG of the scan with the outline, and under it what is said."""
    said = told(shown.examined.finding, contents)
    lines = [said.name, *said.warnings, f"{said.summary}. {said.agreement}", said.tumour]
    return captioned(shown.examined.scan, shown.examined.mask, lines)


def _attached(content: bytes, kind: str, name: str) -> Response:
    plain = "".join(sign if sign.isascii() and sign.isprintable() else "_" for sign in name)
    plain = plain.replace('"', "_").replace("\\", "_")
    how = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": how, "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
