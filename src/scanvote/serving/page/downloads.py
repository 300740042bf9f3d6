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
    """Return one of the downloads of a scan, named after its file."""
    name = f"{download_stem(scan.examined.finding)}-{file}"
    if file == "table.csv":
        return _attached(table(CachedResult((scan,)), contents), "text/csv; charset=utf-8", name)
    return _attached(picture(scan, contents), "image/png", name)


def download_stem(finding: ScanPrediction) -> str:
    """Return the stem of a scan's downloads.

    It is ``head-axial-5`` for a slice of ``head.nii.gz``.
    """
    slice_parts = [] if finding.slice is None else [finding.plane or "", str(finding.slice)]
    return "-".join([stem(finding.file), *filter(None, slice_parts)])


def downloaded_table(result: CachedResult, contents: ModelMetadata) -> Response:
    """Return the table of a result as download."""
    return _attached(table(result, contents), "text/csv; charset=utf-8", "scans-table.csv")


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
    lines = [line for line in (*lines, named(contents)) if line]
    return add_caption(scan.examined.scan, scan.examined.mask, lines)


def _attached(content: bytes, kind: str, name: str) -> Response:
    plain = "".join(char if char.isascii() and char.isprintable() else "_" for char in name)
    plain = plain.replace('"', "_").replace("\\", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
