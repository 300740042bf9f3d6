"""The user's data: a folder or a table, read by fixed rules.

Supported layouts:

- one folder per class, ``[…/][train|val|test/]<class>/[<patient>/…]x.png``;
- images with masks, ``x.png`` and ``x_mask.png``, or ``images/x.png`` and ``masks/x.png``;
- nnU-Net's folder and the Medical Segmentation Decathlon's, with their ``dataset.json``, a BIDS
  tree, a MedMNIST file, and MATLAB files of the figshare set (`scanvote.datasets.user_data.forms`);
- a table of path, label, mask, patient and more (`scanvote.datasets.user_data.table`);
- NIfTI volumes and DICOM series in place of any image, from which slices are extracted by the
  settings ``volumes`` of params.yaml.

Images are copied byte by byte, masks become PNG files of 0 and 255. Only a digested key of the
patient is kept from a DICOM header. The user's own files are never changed.
"""

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.base import DataSet
from scanvote.datasets.scan_list import read_scan_list
from scanvote.datasets.user_data.layout import TABLES, DatasetLayout
from scanvote.params import Params, Task

ARRAYS = frozenset({".npz"})
ARCHIVES = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip"})


def user_data_set(path: Path, taken: Collection[str] = ()) -> DataSet:
    """Return the data set of an existing folder or table.

    Its name differs from those in `taken`.

    Raises:
        InputError: `path` is neither a folder nor a table.
    """
    _check_kind(path)

    def fetch(folder: Path, task: Task, params: Params) -> None:
        from scanvote.datasets.user_data.ingest import ingest_all  # slow; `sources` needs no more

        check_apart(path, folder)
        ingest_all(path, read_layout(path, task, params), folder, params)

    return DataSet(
        name=set_name(path, taken),
        tasks=("classification", "segmentation"),
        source=f"own data in {path.name}",
        licence="unknown",
        citation="unknown",
        patients="as the table, the DICOM header or the folder of a scan tells; else unknown",
        fetch=fetch,
        scans=read_scan_list,
    )


def check_apart(path: Path, folder: Path) -> None:
    """Refuse data in whose folder the pipeline would write.

    Raises:
        InputError: `path` holds `folder`.
    """
    if folder.resolve().is_relative_to(path.resolve()):
        raise InputError(f"{path} holds {folder} itself; name a folder of your data alone")


def read_layout(path: Path, task: Task, params: Params) -> DatasetLayout:
    """Read the layout of `path` for `task`.

    Pixels are decoded only of some files named like masks among the classes. The readers are
    imported here, as `scanvote predict` needs other modules of this package and none of them.

    Raises:
        AmbiguousLayout: the folders can be read in two ways; it holds both.
        InputError: the data cannot serve the task; the message says why and what to do.
    """
    from scanvote.datasets.user_data.folders import read_folder
    from scanvote.datasets.user_data.forms import known_form
    from scanvote.datasets.user_data.table import read_table

    _check_kind(path)
    if reader := known_form(path):
        return reader(task, params)
    if path.is_dir():
        return read_folder(path, task, params)
    return read_table(path, task, params.classification.labels)


def set_name(path: Path, taken: Collection[str] = ()) -> str:
    """Return a name for the data at `path`, not in `taken`.

    It consists of a-z, 0-9, _ and -.
    """
    path = path.resolve()
    name = path.stem if path.suffix.lower() in TABLES | ARRAYS else path.name
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9_-]+", "_", ascii_name.lower()).strip("_-") or "own"
    return f"{name}_own" if name in taken else name


def _check_kind(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist; name a folder or a table of yours")
    if path.is_dir() or path.suffix.lower() in TABLES | ARRAYS:
        return
    if path.suffix.lower() in ARCHIVES and not path.name.lower().endswith(".nii.gz"):
        raise InputError(f"{path} is an archive; unpack it and name the folder")
    raise InputError(
        f"{path} is neither a folder nor a table ({', '.join(sorted(TABLES))});"
        " name the folder that holds it"
    )
