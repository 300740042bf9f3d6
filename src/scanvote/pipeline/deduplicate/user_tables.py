"""Read tables that users write as CSV, with line numbers for messages."""

import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from scanvote.core.errors import InputError, did_you_mean


def read_lines(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the non-blank lines of `path` with their numbers.

    The header is line 1. Blanks around values are removed.

    Args:
        path: CSV in UTF-8.
        columns: required columns; others are left out.

    Raises:
        InputError: the file is missing, is no table, or lacks a column.
    """
    try:
        with warnings.catch_warnings():
            # spreadsheets leave cells beyond the header, which are no columns
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            table = pd.read_csv(
                path,
                dtype=str,
                keep_default_na=False,
                encoding="utf-8-sig",
                skip_blank_lines=False,
                index_col=False,
            )
    except FileNotFoundError:
        header = ",".join(columns)
        raise InputError(f"{path} is missing; make it, with the one line {header}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise InputError(f"{path} is no CSV table of {', '.join(columns)}") from None
    table.columns = table.columns.str.strip()
    missing = [name for name in columns if name not in table]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; its first line should have"
            f" {','.join(columns)}, separated by commas"
        )
    for line, values in enumerate(table[list(columns)].to_numpy(str).tolist(), 2):
        if any(values):
            yield line, dict(zip(columns, (value.strip() for value in values), strict=True))


def check_scan(scan_id: str, known: Collection[str], place: str) -> None:
    """Check that a scan named in a table is in the manifest.

    Args:
        scan_id: as in the table.
        known: scans of the manifest.
        place: file, line and column, for the message.

    Raises:
        InputError: the manifest has no such scan.
    """
    if scan_id not in known:
        hint = did_you_mean(scan_id, known)
        hint = hint if "did you mean" in hint else ""  # not thousands of names
        raise InputError(f"{place} {scan_id!r} is no scan of the manifest{hint}")
