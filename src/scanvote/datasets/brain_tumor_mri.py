"""Bhuvaji's brain MRI set: 3,264 slices of four classes, patients unknown."""

from collections.abc import Iterator
from pathlib import Path

from scanvote.datasets.base import Archive, DataSet, Scan, Task
from scanvote.datasets.class_folders import class_images, find_tree
from scanvote.datasets.sources import unpacked

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
"""Folder of a class to its label."""
SPLITS = ("Testing", "Training")


def scans(folder: Path, task: Task) -> Iterator[Scan]:
    """The scans of ``[…/](Training|Testing)/<class>/``, ordered by these folders and name.

    Raises:
        InputError: neither tree is there, or one lacks a class.
    """
    top = find_tree(folder, ARCHIVE, _has_a_part, "has neither Training/ nor Testing/")
    for split in (top / name for name in SPLITS):
        if not split.is_dir():
            continue
        for path, label in class_images(split, LABELS, ARCHIVE):
            place = path.relative_to(folder).as_posix()
            yield Scan(path=place, label=label, source_split=split.name)


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
    bring=unpacked(ARCHIVE),
    source="Kaggle sartajbhuvaji/brain-tumor-classification-mri; the author's GitHub repository"
    " SartajBhuvaji/Brain-Tumor-Classification-DataSet",
    published=3264,
    patients="unknown: scans whose brains correlate are held to be relatives",
    faults=(
        "Two thirds of the scans of Testing have a copy or a near twin in Training.",
        "Some scans are there more than once, two of them under two labels.",
        "Planes and contrasts are mixed and nowhere written down.",
    ),
)
