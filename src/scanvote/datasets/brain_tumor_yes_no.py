"""Chakrabarty's brain MRI set: 253 slices with or without tumour, patients unknown."""

from collections.abc import Iterator
from pathlib import Path

from scanvote.datasets.base import Archive, DataSet, Scan
from scanvote.datasets.class_folders import class_images, find_tree
from scanvote.datasets.sources import unpacked_archive
from scanvote.params import Task

ARCHIVE = Archive(
    "brain_tumor_yes_no",
    "brain-mri-images-for-brain-tumor-detection.zip",
    kaggle="navoneel/brain-mri-images-for-brain-tumor-detection",
)
LABELS = {"no": "no_tumor", "yes": "tumor"}
"""Label of each class folder."""


def scans(folder: Path, task: Task) -> Iterator[Scan]:
    """Yield the scans of ``[…/](no|yes)/``, by class and name.

    The published archive holds both folders at its top and again in a wrapping folder; the
    shallower pair is read.

    Raises:
        InputError: the two folders do not exist, or one has no images.
    """
    top = find_tree(folder, ARCHIVE, _has_a_class, "has no folders yes/ and no/")
    for path, label in class_images(top, LABELS, ARCHIVE):
        yield Scan(path=path.relative_to(folder).as_posix(), label=label)


def _has_a_class(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in LABELS)


BRAIN_TUMOR_YES_NO = DataSet(
    name="brain_tumor_yes_no",
    tasks=("classification",),
    licence="unknown: the publisher states none",
    citation="Chakrabarty N. Brain MRI Images for Brain Tumor Detection. Kaggle, 2019.",
    scans=scans,
    fetch=unpacked_archive(ARCHIVE),
    source="Kaggle navoneel/brain-mri-images-for-brain-tumor-detection",
    published=253,
    patients="unknown: scans whose brains correlate are held to be relatives",
    known_issues=(
        "Of 253 files 25 are byte copies of others.",
        "The names end in .jpg, .JPG, .jpeg and .png: who reads *.jpg alone loses a third.",
        "Sizes, colour modes and contrasts are mixed, the contrasts nowhere written down; some"
        " scans bear letters or a frame.",
        "The published archive holds the tree twice.",
    ),
)
