"""What was understood of the user's data, before anything of it is decoded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["image", "nifti", "dicom"]

KINDS = "image, NIfTI or DICOM file"


@dataclass(frozen=True)
class DatasetItem:
    """An image, or a volume that becomes several scans.

    Attributes:
        name: where it lies, relative to the data, POSIX style; of a DICOM series its folder
            or first file. What is made of it is named after it.
        kind: what its files are.
        files: one, or all files of a DICOM series.
        mask: file of its mask; None where there is none, or the task wants none.
        mask_name: of the mask, like `name`.
        label, patient, series, source_split, facts: as of a `Scan`.
        listed: whether a table told of it, which overrules a DICOM header.
    """

    name: str
    kind: Kind
    files: tuple[Path, ...]
    mask: Path | None = None
    mask_name: str = ""
    label: str = ""
    patient: str = ""
    series: str = ""
    source_split: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    listed: bool = False


@dataclass(frozen=True)
class SkippedFile:
    """Something in the user's data that is not used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class DatasetLayout:
    """The user's data as one task sees them.

    Attributes:
        layout: in words.
        items: in a stable order.
        left: what is not used.
        notes: what else a person should know, a sentence each.
    """

    layout: str
    items: list[DatasetItem]
    left: list[SkippedFile]
    notes: list[str] = field(default_factory=list)


def some(names: Iterable[str], most: int = 3) -> str:
    """The first few of `names`, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
