"""Sample scans in a package, for users without scans of their own."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import copy_file
from scanvote.datasets.phantom.data_set import PHANTOM
from scanvote.manifest import owners, read_manifest
from scanvote.params import Task

Samples = Literal["none", "generated", "test"]
_ALONE = 4
"""Samples of a segmentation without a classification."""


def write_samples(
    raw: Path, prepared: Path, tasks: Sequence[Task], which: Samples, out: Path
) -> None:
    """Copy test scans to `out` unchanged: ``glioma.png``… and ``tumour-1.png``….

    For each class this is the first scan by name; from the segmentation as many scans (without
    classes `_ALONE`), each with the largest tumour of a patient. Without scans, no folder is
    created.

    Args:
        raw, prepared: `data/raw` and `data/prepared`, a folder for each task.
        tasks: those of the package.
        which: ``generated`` takes only phantom scans, which show no patient.
        out: the folder.

    Raises:
        InputError: a scan is missing.
    """
    if which == "none":
        return
    scans = {task: _allowed(prepared / task, which) for task in tasks}
    count = _ALONE
    if "classification" in scans:
        classes = list(_class_samples(scans["classification"]))
        _copy_all(classes, raw / "classification", out)
        count = len(classes)
    if "segmentation" in scans:
        _copy_all(_tumour_samples(scans["segmentation"], count), raw / "segmentation", out)


def _copy_all(samples: Iterable[tuple[str, str]], raw: Path, out: Path) -> None:
    for name, path in samples:
        _copy(raw / path, out / f"{name}{Path(path).suffix}")


def _copy(scan: Path, target: Path) -> None:
    if not scan.is_file():
        raise InputError(f"{scan} is missing; run `dvc repro download`")
    target.parent.mkdir(exist_ok=True)
    copy_file(scan, target)


def _allowed(prepared: Path, which: Samples) -> pd.DataFrame:
    """Return the test scans that may be distributed, by name."""
    manifest = read_manifest(prepared / "manifest.csv")
    test = manifest[manifest["split"] == "test"].sort_values("scan_id")
    return test if which == "test" else test[test["source"] == PHANTOM.name]


def _class_samples(scans: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield name and path of a scan for each class.

    The name of a class may not be suitable for a file.
    """
    for number, (label, rows) in enumerate(scans.groupby("label"), start=1):
        plain = re.sub(r"[^a-z0-9]+", "_", str(label).lower()).strip("_")
        clear = plain if plain == label else f"class-{number}-{plain}".rstrip("-")
        yield clear, rows["path"].iloc[0]


def _tumour_samples(scans: pd.DataFrame, count: int) -> Iterator[tuple[str, str]]:
    """Yield each patient's scan with the largest tumour, for `count` patients."""
    with_tumour = scans[scans["mask_pixels"] > 0]
    largest = with_tumour.sort_values("mask_pixels", ascending=False, kind="stable")
    per_patient = largest.groupby(owners(largest)).head(1).sort_values("scan_id")
    for number, path in enumerate(per_patient["path"].head(count), start=1):
        yield f"tumour-{number}", path
