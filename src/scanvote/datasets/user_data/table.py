"""Read a table of the user's with one row per scan.

The text is UTF-8, or UTF-16 with a mark, with a header, separated by comma, semicolon or tab;
the usual names of the columns are accepted. Paths are relative to the folder of the table, or
absolute; a folder stands for the DICOM series in it.
"""

import codecs
import csv
import io
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.base import METADATA_FIELDS
from scanvote.datasets.user_data.class_names import check_spellings
from scanvote.datasets.user_data.layout import (
    KINDS,
    DatasetItem,
    DatasetLayout,
    Kind,
    NotForTask,
    SkippedFile,
    first_few,
)
from scanvote.datasets.user_data.people import tie_listed
from scanvote.datasets.user_data.scan_tree import FoundFile, kind_of, list_files
from scanvote.datasets.user_data.series import dicom_items
from scanvote.params import Task

IMAGE_IDS = ("image_id", "image_index", "image_name", "isic_id")
"""Columns that name a file without its folder, and maybe without its ending."""
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "path": (
        *("file", "filename", "file_name", "filepath", "file_path", "image", "image_path"),
        *("image_file", "img", "img_path", "scan", "scan_path", *IMAGE_IDS),
    ),
    "label": ("class", "classname", "class_name", "diagnosis", "dx", "category", "target"),
    "mask": ("mask_path", "mask_file", "segmentation", "seg", "annotation", "ground_truth"),
    "patient": ("patient_id", "patientid", "subject", "subject_id", "case", "case_id", "pid"),
    "series": ("series_id", "seriesinstanceuid", "volume", "study", "lesion_id"),
    "split": ("source_split", "part", "partition", "subset"),
    "institution": ("site", "center", "centre", "hospital"),
    "age": ("patient_age", "age_at_diagnosis"),
    "sex": ("gender", "patient_sex"),
    "grade": ("tumor_grade", "tumour_grade", "who_grade"),
    "plane": ("orientation", "view"),
    "contrast": ("modality", "sequence", "weighting"),
    "spacing": ("pixel_spacing", "pixel_size", "spacing_mm", "mm_per_pixel"),
}
"""Columns with their synonyms; case, spaces and dashes do not matter."""
IDS = ("patient", "series")
"""Columns in which spreadsheets write 7 as 7.0."""
NEEDED: Mapping[Task, str] = {"classification": "label", "segmentation": "mask"}

MISSING = frozenset(
    (
        *("na", "n/a", "#n/a", "<na>", "n.a.", "nan", "none", "null", "nil", ".", "-", "--", "?"),
        *("not available", "not applicable", "not reported", "not evaluated", "not specified"),
        *("unknown", "unk", "missing", "undefined"),
    )
)
"""Values that tell nothing, with or without brackets; case does not matter."""
FLAGS = frozenset(
    (
        *("yes", "no", "y", "n", "true", "false", "0", "1", "case", "control", "cases"),
        *("controls", "patient", "patients", "healthy", "normal", "positive", "negative"),
    )
)
"""Values of a column that tells whether, not which: no patients, and no series."""
WEAK = frozenset({"case", "volume", "study"})
"""Names of columns that mean other things as well: case and control, a size, a project."""
FEW, MANY = 3, 10
"""Fewer values than `FEW` in `MANY` rows are no patients, under a name of `WEAK`."""

MASK_KINDS: Mapping[Kind, tuple[tuple[Kind, ...], str]] = {
    "image": (("image",), "an image"),
    "nifti": (("nifti", "itk"), "a NIfTI, NRRD or MetaImage volume"),
    "itk": (("nifti", "itk"), "a NIfTI, NRRD or MetaImage volume"),
    "dicom": (("nifti", "itk", "dicom"), "a NIfTI, NRRD or MetaImage volume, or a DICOM SEG"),
}
"""Kinds of the masks of an item, and their words."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class UserTable:
    """A user's table.

    Attributes:
        path: the file.
        header: names of all columns.
        columns: index of each used column.
        rows: line number and cells of each row.
        rejected: columns whose name is a known one but whose values are not, with the reason.
    """

    path: Path
    header: Sequence[str]
    columns: Mapping[str, int]
    rows: Sequence[tuple[int, Sequence[str]]]
    rejected: Mapping[str, str] = field(default_factory=dict)

    def records(self) -> Iterator[tuple[int, Row]]:
        """Yield the line number and the values of each row."""
        for line, row in self.rows:
            yield line, {name: _value(name, row[at]) for name, at in self.columns.items()}


def read_table(path: Path, task: Task, renamed: Mapping[str, str | None] = {}) -> DatasetLayout:
    """Read the scans of the table at `path`.

    Args:
        path: the table.
        task: the task.
        renamed: `classification.labels`, which may join two spellings of a class.

    Raises:
        InputError: the table is missing, lacks a column that `task` needs, or has a wrong row;
            the message names the file and the line.
    """
    table = _parse(path)
    for column in ("path", NEEDED[task]):
        if column not in table.columns:
            accepted = ", ".join((column, *SYNONYMS[column][:4]))
            raise NotForTask(
                f"{path} has no column of the {column} ({accepted}…),"
                f" which {task} needs; its columns are {first_few(filter(None, table.header), 8)}"
                f"{_one_hot(table) if column == 'label' else ''}"
            )
    items, skipped = _items(table, task)
    if task == "classification":
        check_spellings(path, (item.label for item in items), renamed)
        _check_single(path, {item.label for item in items}, renamed)
    if task == "classification" and len({item.label for item in items}) < 2:
        raise InputError(
            f"{path}: every row has the label {items[0].label!r}; classification needs two classes"
        )
    tied, notes = tie_listed(_with_names(items, path.parent))
    return DatasetLayout("a table", tied, skipped, [*_notes(table), *notes])


def listed_paths(path: Path) -> list[Path]:
    """Return the files and folders that a table names, whether they exist or not.

    Of a table that cannot be read it is none, and of a wrong row what can be told.
    """
    try:
        table = _parse(path)
    except InputError:
        return []
    columns = [name for name in ("path", "mask") if name in table.columns]
    by_id = "path" in columns and _plain_name(table.header[table.columns["path"]]) in IMAGE_IDS
    below: dict[str, list[str]] = defaultdict(list)
    found = []
    for _, row in table.records():
        for column in columns:
            try:
                searched = by_id and column == "path"
                name = (
                    _found_below(path.parent, row[column], "", below) if searched else row[column]
                )
            except InputError:
                continue
            if name:
                found.append(_joined(path, name))
    return found


def _one_hot(table: UserTable) -> str:
    """Return the remedy where columns of 0 and 1 stand for the classes."""
    flags = [
        name
        for name, *cells in zip(table.header, *(row for _, row in table.rows), strict=True)
        if {cell.strip() for cell in cells} in ({"0", "1"}, {"0.0", "1.0"})
    ]
    if len(flags) < 2:
        return ""
    return f"; write the one class of each row, which {first_few(flags)} mark by 1, as its label"


def _check_single(path: Path, labels: Set[str], renamed: Mapping[str, str | None]) -> None:
    """Refuse labels that join several classes of the table, as ``Edema|Mass`` does."""
    for label in sorted(labels - set(renamed)):
        parts = {part.strip() for part in re.split(r"[|;,+]", label)}
        if label not in parts and parts & labels:
            raise InputError(
                f"{path}: the label {label!r} holds several classes, and a scan is of one; write"
                " the one to learn, or leave such rows out by classification.labels:"
                f" {{{label!r}: null}}"
            )


def _parse(path: Path) -> UserTable:
    text = _read_text(path)
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
    cells = [_whole_numbers(column) for column in zip(*(row for _, row in rows[1:]), strict=True)]
    columns, rejected = _columns(header, cells)
    for column in IDS:
        if column in columns:
            for (_, row), cell in zip(rows[1:], cells[columns[column]], strict=True):
                row[columns[column]] = cell
    return UserTable(path, header, columns, rows[1:], rejected)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if wide else "utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8; save it as CSV UTF-8") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    # Excel writes and reads a first line that names the separator
    return re.sub(r"\A\s*sep=.\r?\n", "", text, flags=re.IGNORECASE)


def _whole_numbers(cells: Sequence[str]) -> list[str]:
    """Return stripped cells, 7.0 as 7 where all are whole numbers and some are written so.

    Spreadsheets and pandas write a column of whole numbers with gaps that way.
    """
    values = [cell.strip() for cell in cells]
    told = [value for value in values if not is_missing(value)]
    if not all(re.fullmatch(r"\d+(\.0+)?", value) for value in told):
        return values
    return [re.sub(r"(?<=\d)\.0+$", "", value) for value in values]


def _columns(
    header: Sequence[str], cells: Sequence[Sequence[str]]
) -> tuple[dict[str, int], dict[str, str]]:
    """Return the index of each known column, by name or synonym, and the rejected ones."""
    names = [_plain_name(name) for name in header]
    columns: dict[str, int] = {}
    rejected: dict[str, str] = {}
    for column, synonyms in SYNONYMS.items():
        for name in (column, *synonyms):
            if name not in names or column in columns:
                continue
            at = names.index(name)
            labels = cells[columns["label"]] if "label" in columns else []
            reason = _no_ids(column, name, cells[at], labels)
            if reason:
                rejected[header[at]] = reason
            else:
                columns[column] = at
    return columns, rejected


def _plain_name(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")


def _no_ids(column: str, name: str, cells: Sequence[str], labels: Sequence[str]) -> str:
    """Return why a column of patients or series is none by its values; else an empty text."""
    if column not in ("patient", "series"):
        return ""
    told = [cell for cell in cells if not is_missing(cell)]
    values = dict.fromkeys(told)
    if len(values) > 1 and {value.casefold() for value in values} <= FLAGS:
        return f"no {column}, it holds {first_few(values)}"
    if len(values) > 1 and list(cells) == list(labels):
        return f"no {column}, it holds the classes"
    if name in WEAK and len(told) >= MANY and len(values) < FEW:
        return f"no {column}, it holds {first_few(values)} alone"
    if name == "volume" and _are_sizes(told):
        return "no series, it holds sizes"
    return ""


def _are_sizes(values: Sequence[str]) -> bool:
    """Tell numbers that measure from numbers that count series: fractions, or no runs."""
    numbers = [re.fullmatch(r"\d+([.,]\d+)?", value) for value in values]
    if not values or not all(numbers):
        return False
    runs = 1 + sum(one != other for one, other in pairwise(values))
    return any(number and number.group(1) for number in numbers) or runs > len(set(values))


def is_missing(value: str) -> bool:
    """Tell if a cell is empty or holds a word for a missing value, such as ``NA``."""
    return value.strip().strip("[]()<>'\"").strip().casefold() in MISSING | {""}


def _value(column: str, cell: str) -> str:
    """Return a cell without spaces; what means a missing value becomes empty.

    Paths stay as they are, and so do labels, whose error names the word.
    """
    value = cell.strip()
    if column == "spacing" and re.fullmatch(r"\d+,\d+", value):
        value = value.replace(",", ".")
    return value if column in ("path", "label") or not is_missing(value) else ""


def _notes(table: UserTable) -> list[str]:
    taken = [
        name if table.header[at].lower() == name else f"{table.header[at]!r} as {name}"
        for name, at in table.columns.items()
    ]
    unused = [
        repr(one) for at, one in enumerate(table.header) if one and at not in table.columns.values()
    ]
    ignored = f"; not used: {first_few(unused, 8)}" if unused else ""
    notes = [f"columns taken: {', '.join(taken)}{ignored}"]
    for name, reason in table.rejected.items():
        notes.append(f"not taken: {name!r} is {reason}; call it {_id_name(reason)} if it is one")
    return notes


def _id_name(reason: str) -> str:
    """Return the name of the column that `reason` of `_no_ids` says it is none of."""
    return "series_id" if reason.startswith("no series") else "patient_id"


def _items(table: UserTable, task: Task) -> tuple[list[DatasetItem], list[SkippedFile]]:
    items, skipped = [], []
    line_of: dict[Path, int] = {}
    below: dict[str, list[str]] = defaultdict(list)
    for line, row in table.records():
        place = f"{table.path}, line {line}"
        name = row["path"]
        if _plain_name(table.header[table.columns["path"]]) in IMAGE_IDS:
            name = _found_below(table.path.parent, name, place, below)
        path = _file(table.path, name, place)
        if path in line_of:
            previous = line_of[path]
            raise InputError(f"{place} lists the scan of line {previous} again; keep one of them")
        line_of[path] = line
        _check_needed(NEEDED[task], row[NEEDED[task]], place)
        _check_spacing(row.get("spacing", ""), place)
        mask = _file(table.path, row["mask"], place) if task == "segmentation" else None
        new_items, without_series = _read_path(path, place)
        if mask:
            _check_mask(new_items[0], mask, place)
        items += [_with_metadata(replace(one, mask=mask), row) for one in new_items]
        skipped += without_series
    return items, skipped


def _check_needed(column: str, value: str, place: str) -> None:
    if not value:
        raise InputError(f"{place}: the {column} is empty; fill it, or leave the row out")
    if column == "label" and is_missing(value):
        raise InputError(
            f"{place}: the label {value!r} means a missing value; fill it, leave the row out, or"
            " give the class another name if it is called so"
        )


def _check_mask(item: DatasetItem, mask: Path, place: str) -> None:
    kinds, expected = MASK_KINDS[item.kind]
    if mask.is_dir() or kind_of(mask) not in kinds:
        raise InputError(f"{place}: the mask {mask.name} should be {expected}")


def _check_spacing(spacing: str, place: str) -> None:
    try:
        valid = not spacing or 0 < float(spacing) < math.inf
    except ValueError:
        valid = False
    if not valid:
        raise InputError(f"{place}: the spacing {spacing!r} is no length above 0 in mm; correct it")


def _file(table: Path, name: str, place: str) -> Path:
    """Return the path named in a row; Windows' separators are accepted."""
    if not name:
        raise InputError(f"{place}: the path is empty; fill it, or leave the row out")
    path = _joined(table, name)
    if not path.exists():
        shown = name.replace("\\", "/")
        raise InputError(f"{place}: {shown} does not exist in {table.parent}{_hint(path)}")
    if not path.is_dir() and (not path.is_file() or kind_of(path) is None):
        raise InputError(f"{place}: {name} is no {KINDS}")
    return path


def _joined(table: Path, name: str) -> Path:
    name = name.replace("\\", "/")
    return Path(os.path.normpath(table.parent / Path(name).expanduser()))


def _found_below(home: Path, name: str, place: str, below: dict[str, list[str]]) -> str:
    """Return the path of a file named without its folder, or without its ending too.

    Args:
        home: folder of the table.
        name: cell of the path.
        place: of the row, for the message.
        below: files below `home` by name and by stem; filled when first needed.

    Raises:
        InputError: several files have the name.
    """
    if not name or re.search(r"[/\\~]", name) or (home / name).exists():
        return name
    if not below:
        for file in list_files(home).files:
            for key in {file.path.name, file.stem}:
                below[key].append(file.name)
    found = below.get(name, [name])
    if len(found) > 1:
        raise InputError(f"{place}: {name} may be {first_few(found)}; write the path of one")
    return found[0]


def _hint(path: Path) -> str:
    names = sorted(one.name for one in path.parent.iterdir()) if path.parent.is_dir() else []
    similar = get_close_matches(path.name, names, n=1)
    return f"; did you mean {similar[0]}?" if similar else "; correct the path"


def _read_path(path: Path, place: str) -> tuple[list[DatasetItem], list[SkippedFile]]:
    """Return the item of a file, or a folder's DICOM series."""
    if path.is_file() and (kind := kind_of(path)) in ("image", "nifti", "itk"):
        return [DatasetItem(str(path), kind, (path,))], []
    if path.is_file():
        return [DatasetItem(str(path), "dicom", (path,))], []
    inside = [file for file in list_files(path).files if file.kind == "dicom"]
    items, skipped = dicom_items([FoundFile(one.path, str(one.path), one.kind) for one in inside])
    if not items:
        raise InputError(f"{place}: the folder {path} holds no DICOM series")
    return items, skipped


def _with_metadata(item: DatasetItem, row: Row) -> DatasetItem:
    """Return `item` with the values of its row; segmentation uses no label."""
    return replace(
        item,
        label="" if item.mask else row.get("label", ""),
        patient=row.get("patient", ""),
        series=row.get("series", ""),
        source_split=row.get("split", ""),
        facts={fact: row[fact] for fact in METADATA_FIELDS if row.get(fact)},
        listed=True,
    )


def _with_names(items: Sequence[DatasetItem], home: Path) -> list[DatasetItem]:
    """Name the items relative to the table's folder or their common folder."""
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
