"""A table of the user's: one row a scan, its columns known by their usual names.

Text in UTF-8, with a header; comma, semicolon or tab. Paths count from the folder of the
table, absolute ones are taken as they are; a folder stands for the DICOM series in it.
"""

import csv
import io
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.base import METADATA_FIELDS
from scanvote.datasets.user_data.layout import KINDS, DatasetItem, DatasetLayout, SkippedFile, some
from scanvote.datasets.user_data.scan_tree import FoundFile, kind_of, list_files
from scanvote.datasets.user_data.series import dicom_items
from scanvote.params import Task

TABLES = frozenset({".csv", ".tsv"})
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "path": (
        *("file", "filename", "file_name", "filepath", "file_path", "image", "image_path"),
        *("image_file", "img", "img_path", "scan", "scan_path"),
    ),
    "label": ("class", "classname", "class_name", "diagnosis", "dx", "category", "target"),
    "mask": ("mask_path", "mask_file", "segmentation", "seg", "annotation", "ground_truth"),
    "patient": ("patient_id", "patientid", "subject", "subject_id", "case", "case_id", "pid"),
    "series": ("series_id", "seriesinstanceuid", "volume", "study"),
    "split": ("source_split", "part", "partition", "subset"),
    "institution": ("site", "center", "centre", "hospital"),
    "age": ("patient_age", "age_at_diagnosis"),
    "sex": ("gender", "patient_sex"),
    "grade": ("tumor_grade", "tumour_grade", "who_grade"),
    "plane": ("orientation", "view"),
    "contrast": ("modality", "sequence", "weighting"),
    "spacing": ("pixel_spacing", "pixel_size", "spacing_mm", "mm_per_pixel"),
}
"""Columns, and other names that each is known by; case, spaces and dashes do not matter."""
NEEDED: Mapping[Task, str] = {"classification": "label", "segmentation": "mask"}

Row = Mapping[str, str]


@dataclass(frozen=True)
class UserTable:
    """The file of a table; `columns` gives the place of each column that is used."""

    path: Path
    header: Sequence[str]
    columns: Mapping[str, int]
    rows: Sequence[tuple[int, Sequence[str]]]

    def records(self) -> Iterator[tuple[int, Row]]:
        """Line and values of each row."""
        for line, row in self.rows:
            yield line, {name: row[at].strip() for name, at in self.columns.items()}


def read_table(path: Path, task: Task) -> DatasetLayout:
    """The scans that the table in `path` lists.

    Raises:
        InputError: no such table, no column that `task` needs, or a row that is wrong:
            the message names the file and the line.
    """
    table = _table(path)
    for column in ("path", NEEDED[task]):
        if column not in table.columns:
            accepted = ", ".join((column, *SYNONYMS[column][:4]))
            raise InputError(
                f"{path} has no column of the {column} ({accepted}…),"
                f" which {task} needs; its columns are {some(table.header, 8)}"
            )
    items, left = _items(table, task)
    if task == "classification" and len({item.label for item in items}) < 2:
        raise InputError(
            f"{path}: every row has the label {items[0].label!r}; classification needs two classes"
        )
    return DatasetLayout("a table", _named(items, path.parent), left, _notes(table))


def _table(path: Path) -> UserTable:
    text = _text(path)
    separator = max(",;\t", key=text.lstrip().split("\n", 1)[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows = [(lines.line_num, row) for row in lines if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"{path}, line {lines.line_num}: no row of a table ({error})") from None
    if len(rows) < 2:
        raise InputError(f"{path} is empty; it needs a header and a row a scan")
    header = [name.strip() for name in rows[0][1]]
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise InputError(
                f"{path}, line {line}: {len(row)} values under {len(header)} columns;"
                " quote a value that holds the separator"
            )
    return UserTable(path, header, _columns(header), rows[1:])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8; save it as CSV UTF-8") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _columns(header: Sequence[str]) -> dict[str, int]:
    """The place of each column that is known, by its own name or else a synonym."""
    plain = [re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") for name in header]
    found = {}
    for column, synonyms in SYNONYMS.items():
        for name in (column, *synonyms):
            if name in plain:
                found[column] = plain.index(name)
                break
    return found


def _notes(table: UserTable) -> list[str]:
    taken = [
        name if table.header[at].lower() == name else f"{table.header[at]!r} as {name}"
        for name, at in table.columns.items()
    ]
    unused = [repr(one) for at, one in enumerate(table.header) if at not in table.columns.values()]
    ignored = f"; not used: {some(unused, 8)}" if unused else ""
    return [f"columns taken: {', '.join(taken)}{ignored}"]


def _items(table: UserTable, task: Task) -> tuple[list[DatasetItem], list[SkippedFile]]:
    items, left = [], []
    seen: dict[Path, int] = {}
    for line, row in table.records():
        place = f"{table.path}, line {line}"
        path = _file(table.path, row["path"], place)
        if path in seen:
            raise InputError(f"{place} lists the scan of line {seen[path]} again; keep one of them")
        seen[path] = line
        if not row[NEEDED[task]]:
            raise InputError(f"{place}: the {NEEDED[task]} is empty; fill it, or leave the row out")
        _check_spacing(row.get("spacing", ""), place)
        mask = _file(table.path, row["mask"], place) if task == "segmentation" else None
        found, without = _made(path, place)
        if mask:
            _check_mask(found[0], mask, place)
        items += [_told(replace(one, mask=mask), row) for one in found]
        left += without
    return items, left


def _check_mask(item: DatasetItem, mask: Path, place: str) -> None:
    kind = "image" if item.kind == "image" else "nifti"
    if mask.is_dir() or kind_of(mask) != kind:
        wanted = "an image" if kind == "image" else "a NIfTI volume"
        raise InputError(f"{place}: the mask {mask.name} should be {wanted}")


def _check_spacing(told: str, place: str) -> None:
    try:
        right = not told or 0 < float(told) < math.inf
    except ValueError:
        right = False
    if not right:
        raise InputError(f"{place}: the spacing {told!r} is no length above 0 in mm; correct it")


def _file(table: Path, name: str, place: str) -> Path:
    """The path that a row tells; Windows' separators are understood."""
    name = name.replace("\\", "/")
    if not name:
        raise InputError(f"{place}: the path is empty; fill it, or leave the row out")
    path = Path(os.path.normpath(table.parent / Path(name).expanduser()))
    if not path.exists():
        raise InputError(f"{place}: {name} does not exist in {table.parent}{_hint(path)}")
    if not path.is_dir() and (not path.is_file() or kind_of(path) is None):
        raise InputError(f"{place}: {name} is no {KINDS}")
    return path


def _hint(path: Path) -> str:
    beside = sorted(one.name for one in path.parent.iterdir()) if path.parent.is_dir() else []
    near = get_close_matches(path.name, beside, n=1)
    return f"; did you mean {near[0]}?" if near else "; correct the path"


def _made(path: Path, place: str) -> tuple[list[DatasetItem], list[SkippedFile]]:
    """The item of a file, or the series in a folder."""
    if path.is_file() and (kind := kind_of(path)) in ("image", "nifti"):
        return [DatasetItem(str(path), kind, (path,))], []
    if path.is_file():
        return [DatasetItem(str(path), "dicom", (path,))], []
    inside = [file for file in list_files(path).files if file.kind == "dicom"]
    items, left = dicom_items([FoundFile(one.path, str(one.path), one.kind) for one in inside])
    if not items:
        raise InputError(f"{place}: the folder {path} holds no DICOM series")
    return items, left


def _told(item: DatasetItem, row: Row) -> DatasetItem:
    """`item` with what its row tells; a label is of no use to segmentation, and the reverse."""
    return replace(
        item,
        label="" if item.mask else row.get("label", ""),
        patient=row.get("patient", ""),
        series=row.get("series", ""),
        source_split=row.get("split", ""),
        facts={fact: row[fact] for fact in METADATA_FIELDS if row.get(fact)},
        listed=True,
    )


def _named(items: Sequence[DatasetItem], home: Path) -> list[DatasetItem]:
    """The items named below the folder of the table, or below the folder they all share."""
    home = Path(os.path.normpath(home))
    paths = [path for item in items for path in (Path(item.name), item.mask) if path]
    if not all(path.is_relative_to(home) for path in paths):
        home = Path(os.path.commonpath([path.parent for path in paths]))
    return [
        replace(
            item,
            name=Path(item.name).relative_to(home).as_posix(),
            mask_name=item.mask.relative_to(home).as_posix() if item.mask else "",
        )
        for item in items
    ]
