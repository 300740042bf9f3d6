"""Where the rows go: a file, which grows row by row beside its place, or the standard output."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write
from scanvote.predict.rows import row
from scanvote.predict.schema import FileError, ScanPrediction

Add = Callable[[ScanPrediction | FileError, Mapping[str, str]], None]
"""Given what is said of a scan, and where each kind of its pictures was written to."""
Kind = Callable[[TextIO, Sequence[str]], Iterator[Add]]


@contextmanager
def table_file(path: Path, columns: Sequence[str]) -> Iterator[Add]:
    """A table that takes its place at `path` when the block succeeds.

    Args:
        path: of an ending that tells the form: ``.csv``, ``.json`` or ``.jsonl``.
        columns: of ``.csv``.

    Raises:
        InputError: the ending is another, or it cannot be written there.
    """
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise InputError(f"--out: {path} tells no form of a table: {', '.join(_FORMS)}")
    if path.is_dir():
        raise InputError(f"--out: {path} is a folder")
    with ExitStack() as stack:
        try:
            beside = stack.enter_context(atomic_write(path))
            file = beside.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            raise InputError(f"--out: {path} cannot be written: {error.strerror}") from None
        with file:
            yield from form(file, columns)


@contextmanager
def table_on_stdout(columns: Sequence[str]) -> Iterator[Add]:
    """Comma-separated, for the program that reads it."""
    yield from _csv(sys.stdout, columns)


def _csv(file: TextIO, columns: Sequence[str]) -> Iterator[Add]:
    table = csv.DictWriter(file, columns, lineterminator="\n")
    table.writeheader()
    yield lambda one, pictures: table.writerow(row(one, pictures))


def _json(file: TextIO, columns: Sequence[str]) -> Iterator[Add]:
    """One object: the disclaimer, and ``scans``, a list as `scanvote.predict.schema` describes."""
    file.write(f'{{\n"disclaimer": {json.dumps(DISCLAIMER)},\n"scans": [')
    between = iter(["\n"])

    def add(one: ScanPrediction | FileError, pictures: Mapping[str, str]) -> None:
        file.write(next(between, ",\n") + _text(one, pictures))

    yield add
    file.write("\n]\n}\n")


def _jsonl(file: TextIO, columns: Sequence[str]) -> Iterator[Add]:
    """An object a line, as in the list of ``.json``."""
    yield lambda one, pictures: print(_text(one, pictures), file=file)


def _text(one: ScanPrediction | FileError, pictures: Mapping[str, str]) -> str:
    """Of a finding also `files`, where its pictures lie."""
    if isinstance(one, FileError):
        return json.dumps(one.model_dump(), ensure_ascii=False)
    values = one.model_dump(exclude={"mask": {"png"}})
    return json.dumps(values | {"files": dict(pictures)}, ensure_ascii=False)


_FORMS: dict[str, Kind] = {".csv": _csv, ".json": _json, ".jsonl": _jsonl}
