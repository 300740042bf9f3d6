"""Data of the user's own: a folder or a table, understood by stated rules.

What is read, and how it is told apart:

- a folder a class, ``[…/][train|val|test/]<class>/[<patient>/…]x.png``;
- images with masks, ``x.png`` and ``x_mask.png``, or ``images/x.png`` and ``masks/x.png``;
- a table of path, label, mask, patient and more (`scanvote.datasets.user_data.table`);
- NIfTI volumes and DICOM series wherever an image may stand, cut to slices by the rule of
  ``volumes`` in params.yaml.

Images are copied byte by byte, masks likewise; of a DICOM header nothing is kept but the
digested key of the patient. The user's own files are only read.
"""

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.base import DataSet
from scanvote.datasets.scan_list import read_scan_list
from scanvote.datasets.user_data.ingest import ingest_all
from scanvote.datasets.user_data.layout import DatasetLayout
from scanvote.datasets.user_data.table import TABLES, read_table
from scanvote.params import Params, Task

ARCHIVES = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip"})


def user_data_set(path: Path, taken: Collection[str] = ()) -> DataSet:
    """The data set in `path`, a folder or a table that exists; called like none of `taken`.

    Raises:
        InputError: it is neither.
    """
    _check_kind(path)

    def brought(folder: Path, task: Task, params: Params) -> None:
        if folder.resolve().is_relative_to(path.resolve()):
            raise InputError(f"{path} holds {folder} itself; name a folder of your data alone")
        ingest_all(path, read_layout(path, task), folder, params.volumes)

    return DataSet(
        name=set_name(path, taken),
        tasks=("classification", "segmentation"),
        source=f"own data in {path.name}",
        licence="unknown",
        citation="unknown",
        patients="as the table, the DICOM header or the folder of a scan tells; else unknown",
        fetch=brought,
        scans=read_scan_list,
    )


def read_layout(path: Path, task: Task) -> DatasetLayout:
    """What `path` holds for `task`; no pixel is looked at.

    Raises:
        InputError: it cannot serve the task; the message says why and what to do.
    """
    from scanvote.datasets.user_data.folders import read_folder

    _check_kind(path)
    return read_folder(path, task) if path.is_dir() else read_table(path, task)


def set_name(path: Path, taken: Collection[str] = ()) -> str:
    """A name for the data in `path`, of a-z, 0-9, _ and -, that is not `taken`."""
    path = path.resolve()
    shown = path.stem if path.suffix.lower() in TABLES else path.name
    plain = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9_-]+", "_", plain.lower()).strip("_-") or "own"
    return f"{name}_own" if name in taken else name


def _check_kind(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist; name a folder or a table of yours")
    if path.is_dir() or path.suffix.lower() in TABLES:
        return
    if path.suffix.lower() in ARCHIVES and not path.name.lower().endswith(".nii.gz"):
        raise InputError(f"{path} is an archive; unpack it and name the folder")
    raise InputError(
        f"{path} is neither a folder nor a table ({', '.join(sorted(TABLES))});"
        " name the folder that holds it"
    )
