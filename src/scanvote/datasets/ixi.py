"""IXI: brains of healthy people in T1, T2 and PD, as volumes, cut to slices here."""

import re
import shutil
from functools import partial
from pathlib import Path

from scanvote.datasets.base import Archive, DataSet, Scan, Task
from scanvote.datasets.listing import read_listing, write_listing
from scanvote.datasets.sources import unpack
from scanvote.datasets.trees import folders
from scanvote.datasets.volumes import read_nifti, write_cuts
from scanvote.errors import InputError
from scanvote.parallel import mapped
from scanvote.params import Params, VolumesParams

ADDRESS = "https://biomedic.doc.ic.ac.uk/brain-development/downloads/IXI"
NAME = re.compile(
    r"(?P<patient>IXI\d+)-(?P<institution>[A-Za-z]+)-\d+-(?P<contrast>[A-Z0-9]+)\.nii"
)
"""``IXI012-HH-1211-T1.nii.gz``: subject, hospital, number of the scan, contrast."""


def bring(folder: Path, task: Task, params: Params) -> None:
    """Unpack the archive of each contrast of ``ixi.contrasts`` and cut its volumes to slices.

    Raises:
        InputError: an archive cannot be had, or a volume in it cannot be read.
    """
    unpacked = folder.with_name(f".{folder.name}.volumes")
    try:
        for contrast in params.ixi.contrasts:
            archive = Archive("ixi", f"IXI-{contrast}.tar", address=f"{ADDRESS}/IXI-{contrast}.tar")
            unpack(archive, unpacked / contrast, params)
        volumes = _volumes(unpacked)
        folder.mkdir()
        cut = mapped(partial(_cut, folder, params.volumes), volumes, "Cut ixi")
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    write_listing([scan for scans in cut for scan in scans], folder)


def _volumes(folder: Path) -> list[Path]:
    files = sorted(path for below in folders(folder) for path in below.glob("*.nii*"))
    if not files:
        raise InputError("ixi: the archives hold no .nii.gz files; fetch them anew")
    return sorted(files, key=lambda path: path.name)


def _cut(folder: Path, params: VolumesParams, path: Path) -> list[Scan]:
    """The slices of one volume, written to the folder of its contrast."""
    told = NAME.match(path.name)
    if told is None:
        raise InputError(
            f"ixi: {path.name} is not named as IXI012-HH-1211-T1.nii.gz; take it out of the archive"
        )
    target = folder / told["contrast"]
    target.mkdir(exist_ok=True)
    stem = path.name.split(".")[0]
    return [
        Scan(
            path=image.relative_to(folder).as_posix(),
            label="no_tumor",
            patient=told["patient"],
            series=stem,
            facts={
                "institution": told["institution"],
                "plane": plane,
                "contrast": told["contrast"],
            },
        )
        for image, _, plane in write_cuts(read_nifti(path), params, target, stem)
    ]


IXI = DataSet(
    name="ixi",
    tasks=("classification",),
    source="BrainDevelopment.org, IXI-T1.tar, IXI-T2.tar and IXI-PD.tar",
    licence="CC BY-SA 3.0",
    citation="IXI: Information eXtraction from Images, EPSRC GR/S21533/02. BrainDevelopment.org.",
    purpose="Information extraction from images, by the name of the project.",
    patients="the number of the subject in the name of the volume",
    faults=(
        "It has one class, no tumour: it is of use beside another set.",
        "Beside a set of other scanners and contrasts a model can tell the sets apart instead"
        " of the tumours.",
    ),
    bring=bring,
    scans=read_listing,
)
