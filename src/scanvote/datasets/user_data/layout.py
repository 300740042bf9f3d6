"""Layout of the user's data, before any file is decoded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scanvote.core.errors import InputError


class NotForTask(InputError):
    """The data hold nothing for the task: no masks, no classes, or no such column."""


Kind = Literal["image", "nifti", "itk", "dicom", "array"]
"""``itk`` is NRRD and MetaImage; ``array`` is one picture in a ``.npz`` or ``.mat`` file."""

KINDS = "image or volume"
TABLES = frozenset({".csv", ".tsv"})
"""Endings of a table of the user's."""


@dataclass(frozen=True)
class DatasetItem:
    """An image, or a volume that becomes several scans.

    Attributes:
        name: path relative to the data, POSIX style; for a DICOM series that of its folder
            or first file. The scans are named after it.
        kind: kind of its files.
        files: one file, or all files of a DICOM series.
        mask: file of the mask; None without a mask, or if the task needs none.
        mask_name: path of the mask, like `name`.
        index: which picture or volume of a file of several, from 0; None for the whole file.
        label, patient, series, case, source_split, facts: as in `Scan`.
        header_patient: digested key of the patient in the DICOM headers of all its files; empty
            if they name none, or only a stand-in such as ANONYMOUS.
        listed: whether a table, a BIDS tree or the file itself tells the patient, who then
            overrules the DICOM header.
    """

    name: str
    kind: Kind
    files: tuple[Path, ...]
    mask: Path | None = None
    mask_name: str = ""
    index: int | None = None
    label: str = ""
    patient: str = ""
    header_patient: str = ""
    series: str = ""
    case: str = ""
    source_split: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    listed: bool = False


@dataclass(frozen=True)
class SkippedFile:
    """An unused file or folder of the user's, with the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class DatasetLayout:
    """The user's data for one task.

    Attributes:
        kind: how the data is laid out, in words: "a table", "a folder a class"…
        items: images and volumes in a stable order.
        skipped: files and folders that are not used.
        notes: further remarks for the user, one sentence each.
        labels: values of the masks by the names that the data gives them, without the
            background and without `ignored_values`.
        ignored_values: values of the masks that say "not annotated": they mark nothing.
    """

    kind: str
    items: list[DatasetItem]
    skipped: list[SkippedFile]
    notes: list[str] = field(default_factory=list)
    labels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ignored_values: tuple[int, ...] = ()


def first_few(names: Iterable[str], limit: int = 3) -> str:
    """Return the first few `names` as text, with the number of others."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
