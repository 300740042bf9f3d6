"""The manifest: a table, one row a scan, to which each stage adds columns.

Paths in it are relative to the raw folder of the task, ``data/raw/<task>/``. Text is never
missing, only empty.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv

MANIFEST = "manifest.csv"
INTEGRITY = "integrity.csv"
"""What `download` found of each scan, beside the manifest."""

Metrics = dict[str, int | float]
"""What a stage that makes a manifest counted, by name."""

COLUMNS = (
    "scan_id",
    "task",
    "source",
    "path",
    "mask_path",
    "label",
    "patient",
    "series",
    "source_split",
    "width",
    "height",
    "mode",
    "mask_pixels",
    "sha256",
)
"""What `download` knows of every scan; columns of `datasets.base.FACTS` may follow."""

NUMBERS = ("width", "height", "mask_pixels")
PIXEL = ("pixel_height", "pixel_width", "pixel_unit")
"""Of a prepared row, in mm or in px of the scan: columns from `prepare` on."""
FLAGS = ("kept", "conflict")
"""Columns that are True or False, from `deduplicate` on."""


def read_manifest(path: Path) -> pd.DataFrame:
    """The manifest in `path`: `NUMBERS` as int64, `FLAGS` as bool, all else as text.

    Raises:
        InputError: the file is missing, no table, or lacks a column.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run the stage that makes it (dvc repro)") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise InputError(f"{path} is no CSV table; run the stage that makes it anew") from None
    missing = [name for name in COLUMNS if name not in frame]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; is it a manifest?")
    return _typed(frame, path)


def write_manifest(frame: pd.DataFrame, path: Path) -> None:
    """Write `frame` to `path`: UTF-8, line feeds, the same bytes for the same rows."""
    write_csv(frame, path)


def owners(manifest: pd.DataFrame) -> pd.Series:
    """The patient of each scan, with its index; a scan of nobody known stands for itself."""
    return manifest["patient"].where(manifest["patient"] != "", manifest["scan_id"])


def source_labels(manifest: pd.DataFrame) -> "pd.Series[str]":
    """The class of each scan where it was first published; empty where that is not known."""
    return manifest.get("source_label", pd.Series("", manifest.index))


def scan_ids(paths: Sequence[str]) -> list[str]:
    """A name for each path: the path without its ending, with it where that is ambiguous."""
    short = [PurePosixPath(path).with_suffix("").as_posix() for path in paths]
    often = Counter(short)
    ids = [name if often[name] == 1 else path for name, path in zip(short, paths, strict=True)]
    # "a.png", which stands for itself beside "a.jpg", is the short name of "a.png.jpg" too
    return ids if len(set(ids)) == len(ids) else list(paths)


def _typed(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    for name in NUMBERS:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if numbers.isna().any():
            raise InputError(f"{path}: a value of the column {name} is no number")
        frame[name] = numbers.astype("int64")
    for name in FLAGS:
        if name not in frame:
            continue
        if not frame[name].isin(["True", "False"]).all():
            raise InputError(f"{path}: a value of the column {name} is neither True nor False")
        frame[name] = frame[name] == "True"
    return frame


def classes(manifest: pd.DataFrame) -> list[str]:
    """The labels in alphabetical order: a label's place is its index in the arrays."""
    return sorted(set(manifest["label"]))
