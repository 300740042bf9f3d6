"""Downloads: table of results, and picture of a scan with outline."""

import csv
from io import StringIO
from typing import Literal
from urllib.parse import quote

from fastapi.responses import Response

from scanvote.datasets.user_data.scan_tree import stem
from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.quality import named
from scanvote.predict.rows import columns, row
from scanvote.predict.schema import FileError, ScanPrediction
from scanvote.serving.page.overlays import add_caption
from scanvote.serving.page.result_cache import CachedResult, CachedScan
from scanvote.serving.page.texts import ResultText

File = Literal["table.csv", "picture.png"]
Cell = str | float | int | bool | None
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""First characters of texts that spreadsheets run as formulas (OWASP, CSV injection)."""


def download(scan: CachedScan, file: File, contents: ModelMetadata) -> Response:
    """Return one of the downloads of a scan, named after its file.

    It is ``head-axial-5-table.csv`` for a slice of ``head.nii.gz``.
    """
    finding = scan.examined.finding
    place = [] if finding.slice is None else [finding.plane or "", str(finding.slice)]
    name = "-".join([stem(finding.file), *filter(None, place), file])
    if file == "table.csv":
        return downloaded_table(CachedResult((scan,)), contents, name)
    return _attached(picture(scan, contents), "image/png", name)


def downloaded_table(
    result: CachedResult, contents: ModelMetadata, name: str = "scans-table.csv"
) -> Response:
    """Return the table of a result as download."""
    return _attached(table(result, contents), "text/csv; charset=utf-8", name)


def table(result: CachedResult, contents: ModelMetadata) -> bytes:
    """Format a result as CSV, with the columns of the command line.

    It has one row per scan, and one with the reason per refused file. Columns of pictures are
    left out, and no cell is a formula.
    """
    buffer = StringIO()
    writer = csv.DictWriter(buffer, columns(contents, {}), lineterminator="\n")
    writer.writeheader()
    entries: list[ScanPrediction | FileError] = [
        *(scan.examined.finding for scan in result.scans),
        *result.refusals,
    ]
    for entry in entries:
        cells = row(entry, contents, {}).items()
        writer.writerow({name: escape_formula(cell) for name, cell in cells})
    return buffer.getvalue().encode()


def escape_formula(cell: Cell) -> Cell:
    """Put an apostrophe before text that a spreadsheet would run as formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell


def picture(scan: CachedScan, contents: ModelMetadata) -> bytes:
    """Draw the outlined scan and its result below it, as PNG."""
    text = ResultText(scan.examined.finding, contents)
    answer = f"{text.summary}. {text.agreement}"
    lines = [text.name, *text.warnings, answer, *text.doubts, text.tumour, *text.tested]
    lines.append(named(contents))
    return add_caption(scan.examined.scan, scan.examined.mask, list(filter(None, lines)))


def _attached(content: bytes, kind: str, name: str) -> Response:
    plain = "".join(char if char.isascii() and char.isprintable() else "_" for char in name)
    plain = plain.replace('"', "_").replace("\\", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, media_type=kind, headers={"Content-Disposition": disposition})
