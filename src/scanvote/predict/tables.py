"""Writers of the predictions table, to a file or standard output."""

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
from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.quality import quality
from scanvote.predict.rows import row
from scanvote.predict.schema import FileError, ScanPrediction

Add = Callable[[ScanPrediction | FileError, Mapping[str, str]], None]
"""Adds a row: a prediction or error, and the path of each kind of picture."""
Writer = Callable[[TextIO, ModelMetadata, Sequence[str]], Iterator[Add]]


@contextmanager
def table_file(path: Path, contents: ModelMetadata, columns: Sequence[str]) -> Iterator[Add]:
    """Open a table that is moved to `path` when the block succeeds.

    Args:
        path: its ending gives the format: ``.csv``, ``.json`` or ``.jsonl``.
        contents: the model; ``.json`` says how good it is.
        columns: the columns of ``.csv``.

    Raises:
        InputError: the ending is another one, or the file cannot be written.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise InputError(f"--out: {path} has none of the endings {', '.join(_WRITERS)}")
    if path.is_dir():
        raise InputError(f"--out: {path} is a folder")
    with ExitStack() as stack:
        try:
            beside = stack.enter_context(atomic_write(path))
            file = beside.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            raise InputError(f"--out: {path} cannot be written: {error.strerror}") from None
        with file:
            yield from writer(file, contents, columns)


@contextmanager
def table_on_stdout(contents: ModelMetadata, columns: Sequence[str]) -> Iterator[Add]:
    """Write the table as CSV to the standard output, for another program."""
    yield from _csv(sys.stdout, contents, columns)


def _csv(file: TextIO, contents: ModelMetadata, columns: Sequence[str]) -> Iterator[Add]:
    table = csv.DictWriter(file, columns, lineterminator="\n")
    table.writeheader()
    yield lambda one, pictures: table.writerow(row(one, contents, pictures))


def _json(file: TextIO, contents: ModelMetadata, columns: Sequence[str]) -> Iterator[Add]:
    """Write one object: disclaimer, how good the model is, its digest, and the list ``scans``.

    The schema of its items is in `scanvote.predict.schema`.
    """
    head = {"disclaimer": DISCLAIMER, "model": quality(contents), "model_digest": contents.digest}
    lines = [f'"{key}": {json.dumps(value, ensure_ascii=False)},\n' for key, value in head.items()]
    file.write(f'{{\n{"".join(lines)}"scans": [')
    first_separator = iter(["\n"])

    def add(one: ScanPrediction | FileError, pictures: Mapping[str, str]) -> None:
        file.write(next(first_separator, ",\n") + _text(one, contents, pictures))

    yield add
    file.write("\n]\n}\n")


def _jsonl(file: TextIO, contents: ModelMetadata, columns: Sequence[str]) -> Iterator[Add]:
    """Write one object per line, as in the list of ``.json``."""
    yield lambda one, pictures: print(_text(one, contents, pictures), file=file)


def _text(
    one: ScanPrediction | FileError, contents: ModelMetadata, pictures: Mapping[str, str]
) -> str:
    """Format as JSON; a prediction gets the paths of its pictures and the model digest."""
    if isinstance(one, FileError):
        return json.dumps(one.model_dump(), ensure_ascii=False)
    values = one.model_dump(exclude={"mask": {"png"}})
    given = {"files": dict(pictures), "model_digest": contents.digest}
    return json.dumps(values | given, ensure_ascii=False)


_WRITERS: dict[str, Writer] = {".csv": _csv, ".json": _json, ".jsonl": _jsonl}
