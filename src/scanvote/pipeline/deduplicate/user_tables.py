"""Tables that a person writes: CSV, read line by line so that a mistake can be located."""

import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from scanvote.core.errors import InputError, did_you_mean


def read_lines(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the lines of `path` that are not blank, with their numbers; the header is line 1.

    Args:
        path: CSV in UTF-8.
        columns: those that it must have; the others are left out. Blanks around a value are cut.

    Raises:
        InputError: the file is missing, no table, or lacks a column.
    """
    try:
        with warnings.catch_warnings():
            # cells beyond the header, as spreadsheets leave them, are not columns of ours
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
    """See that a table names a scan of the manifest.

    Args:
        scan_id: as it stands in the table.
        known: the scans of the manifest.
        place: file, line and column, for the message.

    Raises:
        InputError: it is none of them.
    """
    if scan_id not in known:
        hint = did_you_mean(scan_id, known)
        hint = hint if "did you mean" in hint else ""  # not thousands of names
        raise InputError(f"{place} {scan_id!r} is no scan of the manifest{hint}")
