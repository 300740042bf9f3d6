"""IXI: slices extracted from T1, T2 and PD volumes of healthy brains.

A separate spreadsheet with age and sex is not read.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_replace_folder, write_csv
from scanvote.core.machine import raise_fault
from scanvote.core.parallel import parallel_map, processes_for
from scanvote.datasets.base import Archive, DataSet, Scan
from scanvote.datasets.scan_list import IGNORED, read_scan_list, write_scan_list
from scanvote.datasets.sources import locate_archive, unpack
from scanvote.datasets.trees import folders, is_junk_file
from scanvote.datasets.volumes import read_nifti, write_slices
from scanvote.params import Params, Task, VolumesParams

ADDRESS = "https://biomedic.doc.ic.ac.uk/brain-development/downloads/IXI"
NAME = re.compile(
    r"(?P<patient>IXI\d+)-(?P<institution>[A-Za-z]+)-\d+-(?P<contrast>[A-Z0-9]+)\.nii(\.gz)?"
)
"""``IXI012-HH-1211-T1.nii.gz``: subject, hospital, scan number, contrast."""
WORTH_A_POOL = 32
"""Number of volumes from which several processes save time in spite of their start."""


def fetch(folder: Path, task: Task, params: Params) -> None:
    """Fetch the archives of ``ixi.contrasts`` and extract slices of their volumes.

    A volume that cannot be read is left out and listed in ``ignored.csv``.

    Raises:
        InputError: an archive is not available, or none of its volumes can be read.
    """
    archives = [
        Archive("ixi", f"IXI-{contrast}.tar", address=f"{ADDRESS}/IXI-{contrast}.tar")
        for contrast in dict.fromkeys(params.ixi.contrasts)
    ]
    for archive in archives:  # reports a missing archive before hours of work
        locate_archive(archive, params)
    with atomic_replace_folder(folder) as beside:
        parts = [_slice_archive(archive, beside, params) for archive in archives]
        write_scan_list([scan for scans, _ in parts for scan in scans], beside)
        ignored = [row for _, rows in parts for row in rows]
        write_csv(pd.DataFrame(ignored, columns=["name", "reason"]), beside / IGNORED)


def _slice_archive(
    archive: Archive, folder: Path, params: Params
) -> tuple[list[Scan], list[tuple[str, str]]]:
    """Return the slices of `archive`, and the unreadable volumes with reasons."""
    with _unpacked(archive, folder.with_name(f"{folder.name}.volumes"), params) as volumes:
        processes = processes_for(len(volumes), WORTH_A_POOL)
        slice_volume = partial(_slice_volume, folder, params.volumes)
        results = parallel_map(slice_volume, volumes, "Slice ixi", processes)
    scans = [scan for one in results if not isinstance(one, InputError) for scan in one]
    named = zip(volumes, results, strict=True)
    ignored = [(path.name, str(one)) for path, one in named if isinstance(one, InputError)]
    if not scans:
        raise InputError(f"ixi: nothing in {archive.name} can be read: {ignored[0][1]}")
    return scans, ignored


@contextmanager
def _unpacked(archive: Archive, folder: Path, params: Params) -> Iterator[list[Path]]:
    """Yield the volumes of `archive`, unpacked while the block runs."""
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    try:
        unpack(archive, folder, params)
        files = [path for below in folders(folder) for path in below.glob("*.nii*")]
        # a second copy of the tree, further down, would repeat the same volumes
        by_name = {path.name: path for path in reversed(files) if not is_junk_file(path)}
        if not by_name:
            raise InputError(f"ixi: {archive.name} holds no .nii.gz files; fetch it anew")
        yield [by_name[name] for name in sorted(by_name)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _slice_volume(folder: Path, params: VolumesParams, path: Path) -> list[Scan] | InputError:
    """Write a volume's slices to its contrast's folder, or return an error."""
    match = NAME.fullmatch(path.name)
    if match is None:
        return InputError(f"{path.name} is not named as IXI012-HH-1211-T1.nii.gz")
    target = folder / match["contrast"]
    target.mkdir(parents=True, exist_ok=True)
    stem = path.name.split(".")[0]
    try:
        rows = write_slices(read_nifti(path), params, target, stem)
    except InputError as error:
        raise_fault(error)
        return InputError(str(error).replace(f"{path.parent}/", ""))
    facts = {"institution": match["institution"], "contrast": match["contrast"]}
    return [
        Scan(
            path=image.relative_to(folder).as_posix(),
            label="no_tumor",
            patient=match["patient"],
            series=stem,
            facts=facts | slice_facts,
        )
        for image, _, slice_facts in rows
    ]


IXI = DataSet(
    name="ixi",
    tasks=("classification",),
    source="BrainDevelopment.org, IXI-T1.tar, IXI-T2.tar and IXI-PD.tar",
    licence="CC BY-SA 3.0",
    citation="IXI: Information eXtraction from Images, EPSRC GR/S21533/02. BrainDevelopment.org.",
    purpose="Information extraction from images, by the name of the project.",
    collection="MR scans of healthy people at three hospitals in London: Hammersmith Hospital (HH,"
    " Philips 3T), Guy's Hospital (Guys, Philips 1.5T) and the Institute of Psychiatry (IOP,"
    " GE 1.5T).",
    patients="the number of the subject in the name of the volume",
    known_issues=(
        "It has one class, no tumour: it is of use beside another set.",
        "Beside a set of other scanners and contrasts a model can tell the sets apart instead"
        " of the tumours.",
    ),
    fetch=fetch,
    scans=read_scan_list,
)
