"""Buda's TCGA-LGG set: FLAIR slices of 110 patients with tumour masks.

The table of patients, ``data.csv``, holds numeric codes, and no key to them is published
with it. Sex and grade were decoded with TCGA's own clinical data: 1 is female (TCGA-DU-6400,
-DU-8167) and 2 male (TCGA-CS-4941, -DU-7306); 1 is grade II (TCGA-CS-4944) and 2 grade III
(TCGA-CS-4941, -CS-4942, -CS-4943). The other codes are not used.

For classification, a slice is a `tumor` if its mask marks anything, else `no_tumor`.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.base import Archive, DataSet, Scan
from scanvote.datasets.class_folders import find_tree
from scanvote.datasets.sources import unpacked_archive
from scanvote.datasets.trees import images
from scanvote.images.decode import DecodeError, decode_mask
from scanvote.params import Task

ARCHIVE = Archive("lgg_mri", "lgg-mri-segmentation.zip", kaggle="mateuszbuda/lgg-mri-segmentation")
TREE = "kaggle_3m"
MASK = "_mask"
TABLE = "data.csv"
SEX = {"1": "female", "2": "male"}
GRADE = {"1": "II", "2": "III"}

Facts = Mapping[str, str]


def scans(folder: Path, task: Task) -> Iterator[Scan]:
    """Yield the slices of ``[…/]kaggle_3m/<patient>/``, by patient and slice number.

    The published archive holds the tree twice; the shallower copy is read. A patient has
    one volume, so the patient is also the series. Age, sex and grade come from ``data.csv``
    if it lists the patient, the institution from the patient's code.

    Raises:
        InputError: the tree is missing or empty, or a slice has no mask.
    """
    tree = find_tree(folder, ARCHIVE, _has_the_tree, f"has no {TREE}/") / TREE
    table = _table(tree / TABLE)
    any_slice = False
    for patient in sorted(path for path in tree.iterdir() if path.is_dir()):
        facts = _facts(patient.name, table)
        for path in images(patient):
            if path.stem.endswith(MASK):
                continue
            any_slice = True
            yield _scan(folder, path, task, facts)
    if not any_slice:
        raise InputError(f"lgg_mri: the archive's {TREE}/ holds no <patient>/<patient>_<n>.tif")


def _has_the_tree(folder: Path) -> bool:
    return (folder / TREE).is_dir()


def _scan(folder: Path, path: Path, task: Task, facts: Facts) -> Scan:
    mask = path.with_name(f"{path.stem}{MASK}{path.suffix}")
    if not mask.is_file():
        raise InputError(f"lgg_mri: {path.relative_to(folder)} has no {mask.name} beside it")
    return Scan(
        path=path.relative_to(folder).as_posix(),
        label=_label(mask) if task == "classification" else "",
        mask_path=mask.relative_to(folder).as_posix(),
        patient=path.parent.name,
        series=path.parent.name,
        facts=facts,
    )


def _label(mask: Path) -> str:
    try:
        return "tumor" if decode_mask(mask).any() else "no_tumor"
    except DecodeError:  # the integrity check reports the mask and excludes the slice
        return ""


def _table(path: Path) -> dict[str, dict[str, str]]:
    """Return the rows of ``data.csv`` by patient; empty without that table."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    # the separator is a comma in some copies of the archive, a semicolon in others
    delimiter = ";" if lines and ";" in lines[0] else ","
    rows = csv.DictReader(lines, delimiter=delimiter, restval="")
    return {row["Patient"]: row for row in rows if row.get("Patient")}


def _facts(folder: str, table: Mapping[str, Mapping[str, str]]) -> Facts:
    """Return the metadata of the patient with the folder ``TCGA_<site>_<number>_<date>/``."""
    parts = folder.split("_")
    if len(parts) < 3 or parts[0] != "TCGA":
        return {}
    row = table.get("_".join(parts[:3]), {})
    facts = {
        "institution": parts[1],
        "age": row.get("age_at_initial_pathologic", ""),
        "sex": SEX.get(row.get("gender", ""), ""),
        "grade": GRADE.get(row.get("neoplasm_histologic_grade", ""), ""),
    }
    return {fact: value for fact, value in facts.items() if value}


LGG_MRI = DataSet(
    name="lgg_mri",
    tasks=("classification", "segmentation"),
    licence="CC BY-NC-SA 4.0",
    citation=(
        "Buda M, Saha A, Mazurowski MA. Association of genomic subtypes of lower-grade gliomas"
        " with shape features automatically extracted by a deep learning algorithm."
        " Computers in Biology and Medicine 109, 2019. doi:10.1016/j.compbiomed.2019.05.002"
    ),
    scans=scans,
    fetch=unpacked_archive(ARCHIVE),
    source="Kaggle mateuszbuda/lgg-mri-segmentation, from TCGA-LGG of The Cancer Imaging Archive",
    published=3929,
    purpose="To relate the genomic subtype of a lower-grade glioma to its shape (the citation).",
    collection="MR scans of The Cancer Imaging Archive, of the 110 patients of TCGA's lower-grade"
    " gliomas with a FLAIR sequence and genomic clusters. The three channels of a slice are"
    " before contrast, FLAIR, and after contrast. The masks of the FLAIR abnormality were drawn"
    " by hand. Institutions are TCGA's codes of the tissue source site. To classify, a slice is"
    " a `tumor` where its mask marks anything.",
    patients="the folder of the slices, named by the TCGA code",
    known_issues=(
        "A missing sequence is replaced by FLAIR: after contrast in 9 patients, before in 6.",
        "The masks are of the FLAIR abnormality, not of the tumour alone.",
        "All patients have a tumour: `no_tumor` slices are those beside it, not of healthy brains.",
        "The published archive holds the tree twice.",
    ),
)
