"""Bhuvaji's brain MRI set: 3,264 slices of four classes, most patients known.

The set itself names no patients. 2,348 of its scans are slices of another public set that does;
``tables/brain_tumor_mri.csv`` lists them, and ``tables/README.md`` documents the matching.
"""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from scanvote.datasets.base import Archive, DataSet, Scan
from scanvote.datasets.class_folders import class_images, find_tree
from scanvote.datasets.sources import unpacked_archive
from scanvote.params import Task

ARCHIVE = Archive(
    "brain_tumor_mri",
    "brain-tumor-classification-mri.zip",
    kaggle="sartajbhuvaji/brain-tumor-classification-mri",
)
LABELS = {
    "glioma_tumor": "glioma",
    "meningioma_tumor": "meningioma",
    "no_tumor": "no_tumor",
    "pituitary_tumor": "pituitary",
}
"""Label of each class folder."""
SPLITS = ("Testing", "Training")


def scans(folder: Path, task: Task) -> Iterator[Scan]:
    """Yield the scans of ``[…/](Training|Testing)/<class>/``, by these folders and name.

    A scan in the table of known slices has a patient, and the class from its source.

    Raises:
        InputError: neither part exists, or a part lacks a class.
    """
    top = find_tree(folder, ARCHIVE, _has_a_part, "has neither Training/ nor Testing/")
    for split in (top / name for name in SPLITS):
        if not split.is_dir():
            continue
        for path, label in class_images(split, LABELS, ARCHIVE):
            place = path.relative_to(folder).as_posix()
            known = slices().get(path.relative_to(top).as_posix(), {})
            yield Scan(
                path=place,
                label=label,
                patient=known.get("person", ""),
                source_split=split.name,
                facts={"source_label": known["label"]} if known else {},
            )


@cache
def slices() -> Mapping[str, Mapping[str, str]]:
    """Read the table of known slices, keyed by path in the archive."""
    table = files("scanvote.datasets") / "tables" / "brain_tumor_mri.csv"
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return {row["path"]: row for row in rows}


def _has_a_part(folder: Path) -> bool:
    return any((folder / split).is_dir() for split in SPLITS)


BRAIN_TUMOR_MRI = DataSet(
    name="brain_tumor_mri",
    tasks=("classification",),
    licence="MIT",
    citation=(
        "Bhuvaji S, Kadam A, Bhumkar P, Dedge S, Kanchan S."
        " Brain Tumor Classification (MRI). Kaggle, 2020. doi:10.34740/kaggle/dsv/1183165"
    ),
    scans=scans,
    fetch=unpacked_archive(ARCHIVE),
    source="Kaggle sartajbhuvaji/brain-tumor-classification-mri; the author's GitHub repository"
    " SartajBhuvaji/Brain-Tumor-Classification-DataSet",
    published=3264,
    patients="of 2,348 of the 3,264 scans, by the source that they are slices of (Jun Cheng, brain"
    " tumor dataset, figshare 1512427, CC BY 4.0), its identifiers without the letter behind them;"
    " of the others unknown: look-alikes are kept together",
    known_issues=(
        "94 % of the scans with a tumour in Training are of one source, none of those without"
        " and few of Testing: the classes and the parts differ by origin, too.",
        "17 scans with a known source have another class there; they are conflicts.",
        "Two thirds of the scans of Testing have a copy or a near twin in Training.",
        "Some scans are there more than once, two of them under two labels.",
        "Planes and contrasts are mixed and nowhere written down.",
    ),
)
