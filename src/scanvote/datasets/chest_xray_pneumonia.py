"""Kermany's chest X-rays of children: normal, bacterial or viral pneumonia.

The names of the published files give the patient keys:

- ``person23_bacteria_77.jpeg``: the person's number and the kind. Each kind has its own
  numbering, which runs through the training and the test part: in the training part the
  numbers of the images rise with those of the persons, and persons 78 to 173 of `bacteria`
  and 1 to 79 of `virus` are missing. The number alone would therefore join different children,
  while number and kind identify a child without the part.
- ``IM-0429-0001-0002.jpeg``, ``NORMAL2-IM-0383-0001.jpeg``: the name up to the first number.
  Of 1,211 keys in the training part 70 have two to four files. These are hardly more alike
  than files of different keys (median correlation of thumbnails 0.76 against 0.74), so they
  may show different children. Kept together they cannot leak; the price is that 130 of 1,341
  files have no group of their own. The same number after `NORMAL2` is another key (0.74).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.base import Archive, DataSet, Scan
from scanvote.datasets.class_folders import class_images, find_tree
from scanvote.datasets.sources import unpacked_archive
from scanvote.params import Task

ARCHIVE = Archive(
    "chest_xray_pneumonia",
    "chest-xray-pneumonia.zip",
    kaggle="paultimothymooney/chest-xray-pneumonia",
)
LABELS = {"NORMAL": "normal", "PNEUMONIA": "pneumonia"}
"""Label of each class folder."""
SPLITS = ("test", "train")
"""Parts in use; the 16 scans of ``val`` were taken out of the training part."""
HOSPITAL = "Guangzhou Women and Children's Medical Center"
KEYS = {
    "normal": re.compile(r"(?P<key>(?:NORMAL2-)?IM-\d+)-"),
    "pneumonia": re.compile(r"(?P<key>person\d+_(?P<kind>bacteria|virus))_"),
}


def scans(folder: Path, task: Task) -> Iterator[Scan]:
    """Yield the scans of ``[…/](test|train)/(NORMAL|PNEUMONIA)/``, by these folders and name.

    Raises:
        InputError: neither part exists, a part lacks a class, or a name gives no patient.
    """
    top = find_tree(folder, ARCHIVE, _has_a_part, "has neither train/ nor test/ with NORMAL/")
    for split in (top / name for name in SPLITS):
        if not split.is_dir():
            continue
        for path, label in class_images(split, LABELS, ARCHIVE):
            yield _scan(folder, path, label, split.name)


def _scan(folder: Path, path: Path, label: str, split: str) -> Scan:
    place = path.relative_to(folder).as_posix()
    match = KEYS[label].match(path.name)
    if match is None:
        # with a key of its own, the image could be in another part than its patient
        raise InputError(f"{ARCHIVE.dataset}: the name of {place} gives no patient; take it out")
    facts = {"institution": HOSPITAL}
    if kind := match.groupdict().get("kind"):
        facts["kind"] = kind
    return Scan(
        path=place,
        label=label,
        patient=match["key"],
        source_split=split,
        facts=facts,
    )


def _has_a_part(folder: Path) -> bool:
    return any((folder / split / "NORMAL").is_dir() for split in SPLITS)


CHEST_XRAY_PNEUMONIA = DataSet(
    name="chest_xray_pneumonia",
    tasks=("classification",),
    licence="CC BY 4.0",
    citation=(
        "Kermany DS, Goldbaum M, Cai W, et al. Identifying Medical Diagnoses and Treatable"
        " Diseases by Image-Based Deep Learning. Cell 172(5), 2018."
        " doi:10.1016/j.cell.2018.02.010; data: Mendeley Data, V2, doi:10.17632/rscbjbr9sj.2"
    ),
    scans=scans,
    fetch=unpacked_archive(ARCHIVE),
    source="Kaggle paultimothymooney/chest-xray-pneumonia, from Mendeley Data rscbjbr9sj",
    published=5840,
    purpose="Image-based deep learning of treatable diseases, by the title of the paper.",
    collection="Chest X-rays, anterior-posterior, of children of one to five years, taken in the"
    f" routine care of {HOSPITAL}. Scans of low quality were taken out; two physicians graded"
    " the rest, a third checked the test part.",
    patients="by the names: person number and kind of pneumonia, or number of the normal scan",
    known_issues=(
        "The number of a person alone joins different children: bacteria and virus are numbered"
        " apart.",
        "Normal scans that share a number are kept together, though they may be of different"
        " children.",
        "The folder val, 16 scans, was taken out of the training part; it is left out here.",
        "The published archive holds the tree twice, and __MACOSX.",
        "The test part differs from the training part: published systems fall from an accuracy of"
        " 0.95 on validation to 0.82 to 0.89 on test.",
    ),
)
