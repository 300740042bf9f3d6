"""Cheng's brain tumours: 3,064 contrast-enhanced T1 slices of 233 patients, with masks.

A slice is published as a MATLAB file and written here as two PNG files named by its number: the
mask, and the image in 16 bits with unchanged values, to which the image decoder applies its
usual window for that depth. Only slices of 512 pixels per side have a published spacing; the
few of 256 have none.

- `patient` is the identifier without the letters behind it: 18 identifiers of gliomas occur
  with two to four letters, whose slices are much more alike than those of different
  patients, so they are most likely repeated examinations of one person.
- `series` is empty. Examinations mix axial, coronal and sagittal slices without naming the
  plane, so neither the volume of a slice nor the slices beside it are known.
- `source_split` is the published fold, ``fold1`` to ``fold5``, if ``cvind.mat`` exists.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_replace_folder, write_csv
from scanvote.core.machine import raise_fault
from scanvote.core.parallel import parallel_map
from scanvote.datasets.base import DataSet, Scan
from scanvote.datasets.figshare_brain_tumor.locating import ARCHIVE, Located, located
from scanvote.datasets.figshare_brain_tumor.matlab import MatFile, MatSlice, read_folds, read_slice
from scanvote.datasets.scan_list import IGNORED, read_scan_list, write_scan_list
from scanvote.params import Params, Task

SPACING = {(512, 512): "0.49"}
"""Published side of a pixel in mm, by height and width of the slice."""
CONTRAST = "t1c"
LETTERS = re.compile(r"(?<=[0-9])[A-Za-z]+$")

Unused = tuple[str, str]
"""Name of an unused file, and the reason."""


def fetch(folder: Path, task: Task, params: Params) -> None:
    """Write every slice as PNG, and the table ``scans.csv``.

    Files that cannot be used are left out and listed in ``ignored.csv``.

    Raises:
        InputError: the set is not available, no slice can be used, or the table of folds
            does not cover all slices.
    """
    with (
        atomic_replace_folder(folder) as beside,
        located(beside.with_name(f"{beside.name}.files"), params) as files,
    ):
        folds = _folds(files)
        beside.mkdir()
        results = parallel_map(
            partial(_convert, beside, folds), list(files.slices.items()), "Convert slices"
        )
        scans, unused = _partition(results)
        unused += [(one.name, "is named neither as 17.mat nor cvind.mat") for one in files.others]
        if not scans:
            raise InputError(f"figshare_brain_tumor: no slice can be used ({': '.join(unused[0])})")
        write_scan_list(scans, beside)
        write_csv(pd.DataFrame(unused, columns=["name", "reason"]), beside / IGNORED)


def scans(folder: Path, task: Task) -> Iterator[Scan]:
    """Yield the slices by number.

    For segmentation they have no label; the class of the tumour is in the metadata `kind`.
    """
    for scan in read_scan_list(folder, task):
        if task == "classification":
            yield scan
        else:
            yield replace(scan, label="", facts={**scan.facts, "kind": scan.label})


def person(pid: str) -> str:
    """Return the identifier without the letters of repeated examinations."""
    return LETTERS.sub("", pid)


def _folds(files: Located) -> Sequence[int]:
    """Return the published folds of slices 1, 2, 3…; empty without table."""
    if files.folds is None:
        return []
    folds = read_folds(files.folds)
    last = max(files.slices)
    if last > len(folds):
        raise InputError(
            f"{files.folds.name} has {len(folds):,} folds, so none for {last}.mat; fetch it anew"
        )
    return folds


def _convert(folder: Path, folds: Sequence[int], numbered: tuple[int, MatFile]) -> Scan | Unused:
    """Write a slice and its mask; return the scan, or a reason."""
    number, file = numbered
    try:
        content = read_slice(file)
    except InputError as error:
        raise_fault(error)
        return file.name, str(error).removeprefix(file.name).lstrip(": ")
    _write_png(content.image, folder / f"{number}.png")
    _write_png(content.mask, folder / f"{number}_mask.png")
    return _scan(number, content, folds)


def _scan(number: int, content: MatSlice, folds: Sequence[int]) -> Scan:
    facts = {"contrast": CONTRAST, "spacing": SPACING.get(content.image.shape, "")}
    return Scan(
        path=f"{number}.png",
        label=content.label,
        mask_path=f"{number}_mask.png",
        patient=person(content.pid),
        source_split=f"fold{folds[number - 1]}" if folds else "",
        facts={fact: value for fact, value in facts.items() if value},
    )


def _partition(results: Sequence[Scan | Unused]) -> tuple[list[Scan], list[Unused]]:
    scans = [one for one in results if isinstance(one, Scan)]
    return scans, [one for one in results if not isinstance(one, Scan)]


def _write_png(image: NDArray[np.uint16] | NDArray[np.uint8], path: Path) -> None:
    done, data = cv2.imencode(".png", image)
    assert done
    path.write_bytes(data.tobytes())


FIGSHARE_BRAIN_TUMOR = DataSet(
    name=ARCHIVE.dataset,
    tasks=("classification", "segmentation"),
    licence="CC BY 4.0",
    citation=(
        "Cheng J, Huang W, Cao S, et al. Enhanced Performance of Brain Tumor Classification via"
        " Tumor Region Augmentation and Partition. PLoS ONE 10(10), 2015, e0140381."
        " doi:10.1371/journal.pone.0140381; data: Cheng J. brain tumor dataset. figshare, 2017."
        " doi:10.6084/m9.figshare.1512427"
    ),
    fetch=fetch,
    scans=scans,
    source="figshare article 1512427, doi.org/10.6084/m9.figshare.1512427",
    published=3064,
    purpose="To classify brain tumours by the region around them (the citation).",
    collection="T1-weighted slices after contrast (Gd-DTPA), 6 mm thick with gaps of 1 mm, of"
    " 2005 to 2010, of 233 patients of Nanfang Hospital, Guangzhou, and the General Hospital of"
    " Tianjin Medical University, China: 708 slices of 82 meningiomas, 1,426 of 89 gliomas,"
    " 930 of 62 pituitary tumours. The tumours were outlined by hand. To classify, a slice is"
    " of the class of its tumour.",
    patients="the identifier in the file, without the letters that most likely tell examinations"
    " of one person apart: 209 persons for 233 identifiers",
    known_issues=(
        "Axial, coronal and sagittal slices are mixed, and nowhere is written down which is which.",
        "All are of two hospitals, and no slice tells of which.",
        "There is no class without a tumour.",
        "A copy of most slices is in brain_tumor_mri, where their patients are not named.",
        "The published folds are of identifiers: a person who was examined repeatedly may be in"
        " two of them.",
        "Slices of 256 pixels a side have no published spacing.",
    ),
)
