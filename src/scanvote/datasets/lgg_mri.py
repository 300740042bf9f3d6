"""Buda's TCGA-LGG set: FLAIR slices of 110 patients with masks of the tumour."""

from collections.abc import Iterator
from pathlib import Path

from scanvote.datasets.base import DataSet, Scan, Task
from scanvote.datasets.trees import folders, images
from scanvote.errors import InputError

TREE = "kaggle_3m"
MASK = "_mask"


def scans(folder: Path, task: Task) -> Iterator[Scan]:
    """The slices of ``[…/]kaggle_3m/<patient>/``, by patient, then number of the slice.

    The published archive holds the tree twice; the shallower copy is read. A patient has
    one volume, so the patient is the series too.

    Raises:
        InputError: the tree is missing or empty, or a slice has no mask.
    """
    found = False
    for patient in sorted(path for path in _tree(folder).iterdir() if path.is_dir()):
        for path in images(patient):
            if path.stem.endswith(MASK):
                continue
            found = True
            yield _scan(folder, path)
    if not found:
        raise InputError(f"lgg_mri: the archive's {TREE}/ holds no <patient>/<patient>_<n>.tif")


def _scan(folder: Path, path: Path) -> Scan:
    mask = path.with_name(f"{path.stem}{MASK}{path.suffix}")
    if not mask.is_file():
        raise InputError(f"lgg_mri: {path.relative_to(folder)} has no {mask.name} beside it")
    return Scan(
        path=path.relative_to(folder).as_posix(),
        mask_path=mask.relative_to(folder).as_posix(),
        patient=path.parent.name,
        series=path.parent.name,
    )


def _tree(folder: Path) -> Path:
    for candidate in folders(folder):
        if (candidate / TREE).is_dir():
            return candidate / TREE
    raise InputError(f"lgg_mri: the archive has no {TREE}/; is it the published {LGG_MRI.archive}?")


LGG_MRI = DataSet(
    name="lgg_mri",
    tasks=("segmentation",),
    licence="CC BY-NC-SA 4.0",
    citation=(
        "Buda M, Saha A, Mazurowski MA. Association of genomic subtypes of lower-grade gliomas"
        " with shape features automatically extracted by a deep learning algorithm."
        " Computers in Biology and Medicine 109, 2019. doi:10.1016/j.compbiomed.2019.05.002"
    ),
    scans=scans,
    archive="lgg-mri-segmentation.zip",
    kaggle="mateuszbuda/lgg-mri-segmentation",
)
