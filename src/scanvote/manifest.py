"""The manifest: one row per scan; each stage adds columns.

Paths are relative to the raw folder of the task, ``data/raw/<task>/``. Text is never missing,
only empty.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv

MANIFEST = "manifest.csv"
INTEGRITY = "integrity.csv"
"""The integrity report of `download`, beside the manifest."""

Metrics = dict[str, int | float]
"""Counts of a stage that writes a manifest, by name."""

COLUMNS = (
    "scan_id",
    "task",
    "source",
    "path",
    "mask_path",
    "label",
    "patient",
    "series",
    "case",
    "source_split",
    "width",
    "height",
    "mode",
    "mask_pixels",
    "sha256",
)
"""Columns that `download` writes; `datasets.base.METADATA_FIELDS` may follow."""

NUMBERS = ("width", "height", "mask_pixels")
PIXEL = ("pixel_height", "pixel_width", "pixel_unit")
"""Columns of `prepare`: pixel size, in mm or px of the scan."""
FLAGS = ("kept", "conflict", "patient_conflict", "blank")
"""Boolean columns, from `deduplicate` on."""


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest: `NUMBERS` as int64, `FLAGS` as bool, others as text.

    Raises:
        InputError: the file is missing, is no table, or lacks a column.
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
    """Write a manifest as UTF-8 with LF, equal rows as equal bytes."""
    write_csv(frame, path)


def owners(manifest: pd.DataFrame) -> pd.Series:
    """Return the patient of each scan, its scan ID if unknown.

    The index is that of the manifest.
    """
    return manifest["patient"].where(manifest["patient"] != "", manifest["scan_id"])


def source_labels(manifest: pd.DataFrame) -> "pd.Series[str]":
    """Return the class of each scan where first published, empty if unknown."""
    return manifest.get("source_label", pd.Series("", manifest.index))


def blank_scans(manifest: pd.DataFrame) -> "pd.Series[bool]":
    """Return which scans tell nothing of a person; none without the column."""
    return manifest.get("blank", pd.Series(False, manifest.index))


def scan_ids(paths: Sequence[str]) -> list[str]:
    """Name scans by path, without the extension unless that is ambiguous."""
    short = [PurePosixPath(path).with_suffix("").as_posix() for path in paths]
    counts = Counter(short)
    ids = [name if counts[name] == 1 else path for name, path in zip(short, paths, strict=True)]
    # beside "a.jpg", "a.png" keeps its extension, but it is also the short name of "a.png.jpg"
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
    """Return the labels in alphabetical order, the class indices of the arrays."""
    return sorted(set(manifest["label"]))
