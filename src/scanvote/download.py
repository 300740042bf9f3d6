"""The stage `download`: a data set as a folder of scans and a manifest of those that read."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from scanvote import datasets
from scanvote.datasets.archives import extract
from scanvote.datasets.base import DataSet, Scan, Task
from scanvote.datasets.sources import find_archive
from scanvote.errors import InputError
from scanvote.files import sha256, write_csv
from scanvote.images.decode import DecodeError, decode_image, decode_mask
from scanvote.manifest import COLUMNS, scan_ids, write_manifest
from scanvote.parallel import mapped
from scanvote.params import Params
from scanvote.progress import progress_bar

MANIFEST = "manifest.csv"
EXCLUDED = "excluded.csv"

Metrics = dict[str, int | float]


@dataclass(frozen=True)
class Seen:
    """What looking into the files of a scan tells.

    Attributes:
        width, height: in pixels.
        sha256: of the file of the image.
        tumour: whether the mask has a pixel.
        problem: why the scan cannot be used; empty if it can.
    """

    width: int = 0
    height: int = 0
    sha256: str = ""
    tumour: bool = False
    problem: str = ""


def download(task: Task, params: Params, out: Path) -> Metrics:
    """Bring the data set of `task` to `out`, with ``manifest.csv`` and ``excluded.csv``.

    The set is generated, or unpacked from a mirror or the public source. Every file is
    decoded once; a scan that is not whole, or whose mask has another size, is listed in
    ``excluded.csv`` and left out of the manifest. `out` is replaced when all is done.

    Returns:
        Counts: scans, excluded, patients, classes, and ``label_<label>`` or tumour_masks.

    Raises:
        InputError: the set cannot be had, or nothing of it or of a class can be read.
    """
    dataset = datasets.find(getattr(params, task).dataset, task)
    with _replaced(out) as folder:
        _bring(dataset, task, params, folder)
        scans = list(dataset.scans(folder, task))
        seen = mapped(partial(inspect, folder), scans, "Check")
        _check_readable(dataset, scans, seen)
        frame = manifest(task, scans, seen)
        write_manifest(frame, folder / MANIFEST)
        write_csv(_excluded(scans, seen), folder / EXCLUDED)
    return _metrics(task, frame, seen)


def inspect(folder: Path, scan: Scan) -> Seen:
    """Decode a scan and its mask."""
    try:
        height, width = decode_image(folder / scan.path).shape[:2]
        mask = decode_mask(folder / scan.mask_path) if scan.mask_path else None
    except DecodeError as error:
        problem = str(error).replace(f"{folder}/", "").removeprefix(f"{scan.path} ")
        return Seen(problem=problem)
    if mask is not None and mask.shape != (height, width):
        size = f"{mask.shape[1]}x{mask.shape[0]}"
        return Seen(problem=f"mask is {size}, scan {width}x{height}")
    tumour = mask is not None and bool(mask.any())
    return Seen(width, height, sha256(folder / scan.path), tumour)


def manifest(task: Task, scans: list[Scan], seen: list[Seen]) -> pd.DataFrame:
    """The rows of the scans that can be used, in the order of the data set."""
    # a name must not depend on which other scans happen to be readable
    ids = scan_ids([scan.path for scan in scans])
    rows = [
        {"scan_id": scan_id, "task": task} | asdict(scan) | asdict(one)
        for scan_id, scan, one in zip(ids, scans, seen, strict=True)
        if not one.problem
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _bring(dataset: DataSet, task: Task, params: Params, folder: Path) -> None:
    if dataset.generate is not None:
        folder.mkdir()
        with progress_bar(f"Generate {dataset.name}") as progress:
            dataset.generate(folder, params.phantom, task, params.seed, progress)
        return
    with progress_bar(f"Fetch {dataset.name}") as progress:
        archive = find_archive(dataset, params.download.mirror, progress)
    with progress_bar(f"Unpack {archive.name}") as progress:
        extract(archive, folder, int(params.download.max_gigabytes * 1e9), progress)


@contextmanager
def _replaced(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place when the block succeeds."""
    beside = out.with_name(f".{out.name}.part")
    shutil.rmtree(beside, ignore_errors=True)  # of a run that was killed
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield beside
        if out.exists():
            shutil.rmtree(out)
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check_readable(dataset: DataSet, scans: list[Scan], seen: list[Seen]) -> None:
    if not scans:
        raise InputError(f"{dataset.name} holds no scans; fetch the archive anew")
    readable = {scan.label for scan, one in zip(scans, seen, strict=True) if not one.problem}
    for scan, one in zip(scans, seen, strict=True):
        if scan.label not in readable:
            every = f"no scan of the class {scan.label!r}" if scan.label else "no scan"
            raise InputError(f"{dataset.name}: {every} can be used ({scan.path}: {one.problem})")


def _excluded(scans: list[Scan], seen: list[Seen]) -> pd.DataFrame:
    rows = [(scan.path, one.problem) for scan, one in zip(scans, seen, strict=True) if one.problem]
    return pd.DataFrame(rows, columns=["path", "problem"])


def _metrics(task: Task, frame: pd.DataFrame, seen: list[Seen]) -> Metrics:
    labels = frame["label"][frame["label"] != ""].value_counts().sort_index()
    patients = frame["patient"][frame["patient"] != ""].nunique()
    counts: Metrics = {
        "scans": len(frame),
        "excluded": len(seen) - len(frame),
        "patients": int(patients),
        "classes": len(labels),
    }
    counts |= {f"label_{label}": int(count) for label, count in labels.items()}
    if task == "segmentation":
        counts["tumour_masks"] = sum(one.tumour for one in seen)
    return counts
