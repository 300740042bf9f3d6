"""Bhuvaji's brain MRI set: 3,264 slices of four classes, patients unknown."""

from collections.abc import Iterator
from pathlib import Path

from scanvote.datasets.base import DataSet, Scan, Task
from scanvote.datasets.trees import folders, images
from scanvote.errors import InputError

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
    top = _top(folder)
    for split in (top / name for name in SPLITS):
        if not split.is_dir():
            continue
        for name, label in LABELS.items():
            for path in _images(split / name):
                place = path.relative_to(folder).as_posix()
                yield Scan(path=place, label=label, source_split=split.name)


def _images(folder: Path) -> list[Path]:
    found = images(folder) if folder.is_dir() else []
    if not found:
        place = f"{folder.parent.name}/{folder.name}/"
        raise InputError(f"brain_tumor_mri: the archive has no images in {place}; fetch it anew")
    return found


def _top(folder: Path) -> Path:
    """The shallowest folder with a published tree: some archives wrap it in another."""
    for candidate in folders(folder):
        if any((candidate / split).is_dir() for split in SPLITS):
            return candidate
    raise InputError(
        "brain_tumor_mri: the archive has neither Training/ nor Testing/;"
        f" is it the published {BRAIN_TUMOR_MRI.archive}?"
    )


BRAIN_TUMOR_MRI = DataSet(
    name="brain_tumor_mri",
    tasks=("classification",),
    licence="MIT",
    citation=(
        "Bhuvaji S, Kadam A, Bhumkar P, Dedge S, Kanchan S."
        " Brain Tumor Classification (MRI). Kaggle, 2020. doi:10.34740/kaggle/dsv/1183165"
    ),
    scans=scans,
    archive="brain-tumor-classification-mri.zip",
    kaggle="sartajbhuvaji/brain-tumor-classification-mri",
)
