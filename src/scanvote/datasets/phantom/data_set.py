"""The phantom with the interface of a data set."""

from collections.abc import Iterator
from pathlib import Path

from scanvote.core.progress import progress_bar
from scanvote.datasets.base import DataSet, Scan
from scanvote.datasets.phantom.truth import read_truth
from scanvote.params import Params, Task

CITATION = (
    "Fonov V. et al., Unbiased average age-appropriate atlases for pediatric studies, "
    "NeuroImage 54 (2011) 313-327; ICBM 152 Nonlinear atlases version 2009a, "
    "as shipped with nilearn"
)
LICENCE = (
    "ICBM 2009a templates: copyright (C) 1993-2004 Louis Collins, McConnell Brain Imaging "
    "Centre, Montreal Neurological Institute, McGill University; free to use, copy, modify "
    "and distribute with this notice"
)
FACTS = ("institution", "plane", "contrast")
"""Columns of ``truth.csv`` with metadata of a scan."""


def scans(folder: Path, task: Task) -> Iterator[Scan]:
    """Yield the scans of a phantom as in ``truth.csv``, planted ones last."""
    for row in read_truth(folder):
        facts = {name: value for name in FACTS if (value := getattr(row, name, ""))}
        yield Scan(
            row.path,
            row.label,
            row.mask_path,
            row.patient,
            row.series,
            source_split=row.source_split,
            facts=facts,
        )


def _fetch(folder: Path, task: Task, params: Params) -> None:
    from scanvote.datasets.phantom.generating import generate  # imports SciPy

    with progress_bar("Generate phantom") as progress:
        generate(folder, params.phantom, task, params.seed, progress)


PHANTOM = DataSet(
    name="phantom",
    tasks=("classification", "segmentation"),
    licence=LICENCE,
    citation=CITATION,
    source="generated here",
    purpose="To run the whole pipeline with a known answer, without a network or a patient.",
    collection="Slices of one template of the brain, deformed for each patient, with a drawn lesion"
    " of the class, a contrast, a bias field and noise. Sites and published parts are made up.",
    patients="known: they are generated",
    known_issues=(
        "It shows no patient: heads and lesions are drawn.",
        "Copies, wrong labels, black borders and a broken file are planted and listed in"
        " planted.csv; half of the copies lie across the published parts.",
    ),
    fetch=_fetch,
    scans=scans,
)
