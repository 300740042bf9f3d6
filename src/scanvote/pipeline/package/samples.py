"""Scans that travel with a package, for whoever has none to try it with."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.datasets.phantom.data_set import PHANTOM
from scanvote.manifest import owners, read_manifest

Samples = Literal["none", "generated", "test"]


def write_samples(raw: Path, prepared: Path, which: Samples, out: Path) -> None:
    """Copy test scans to `out`, byte by byte: ``glioma.png``… and ``tumour-1.png``….

    Of each class the first by name, and as many from the segmentation with the largest tumour
    of a patient. No folder is made where there are none.

    Args:
        raw, prepared: `data/raw` and `data/prepared`, a folder a task.
        which: ``generated`` takes only scans that show nobody.
        out: the folder.

    Raises:
        InputError: a scan is missing.
    """
    if which == "none":
        return
    classes = list(_of_classes(_allowed(prepared / "classification", which)))
    marked = _of_tumours(_allowed(prepared / "segmentation", which), len(classes))
    found = [("classification", *one) for one in classes]
    found += [("segmentation", *one) for one in marked]
    for task, name, path in found:
        _copy(raw / task / path, out / f"{name}{Path(path).suffix}")


def _copy(scan: Path, target: Path) -> None:
    if not scan.is_file():
        raise InputError(f"{scan} is missing; run `dvc repro download`")
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(scan, target)


def _allowed(prepared: Path, which: Samples) -> pd.DataFrame:
    """The test scans that may be given away, by name."""
    manifest = read_manifest(prepared / "manifest.csv")
    test = manifest[manifest["split"] == "test"].sort_values("scan_id")
    return test if which == "test" else test[test["source"] == PHANTOM.name]


def _of_classes(scans: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Name and path; a class may be called as no file should be."""
    for number, (label, rows) in enumerate(scans.groupby("label"), start=1):
        plain = re.sub(r"[^a-z0-9]+", "_", str(label).lower()).strip("_")
        clear = plain if plain == label else f"class-{number}-{plain}".rstrip("-")
        yield clear, rows["path"].iloc[0]


def _of_tumours(scans: pd.DataFrame, count: int) -> Iterator[tuple[str, str]]:
    """Of each patient the scan with most of the tumour, of the first patients that have one."""
    marked = scans[scans["mask_pixels"] > 0]
    largest = marked.sort_values("mask_pixels", ascending=False, kind="stable")
    each = largest.groupby(owners(largest)).head(1).sort_values("scan_id")
    for number, path in enumerate(each["path"].head(count), start=1):
        yield f"tumour-{number}", path
