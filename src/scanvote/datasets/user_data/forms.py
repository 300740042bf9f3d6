"""Recognise the forms of data that describe themselves."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.trees import is_junk_file
from scanvote.datasets.user_data.bids import is_bids, read_bids
from scanvote.datasets.user_data.dataset_json import DATASET_JSON, read_json
from scanvote.datasets.user_data.decathlon import read_decathlon
from scanvote.datasets.user_data.layout import DatasetLayout, first_few
from scanvote.datasets.user_data.matlab_folder import read_matlab_folder
from scanvote.datasets.user_data.medmnist import read_medmnist
from scanvote.datasets.user_data.nnunet import PARTS, read_nnunet
from scanvote.datasets.user_data.scan_tree import kind_of
from scanvote.params import Params, Task

NPZ = ".npz"
MAT = ".mat"
DEPTH = 4
"""Number of folders to descend while there is one folder only."""

Reader = Callable[[Task, Params], DatasetLayout]


def known_form(path: Path) -> Reader | None:
    """Return the reader of a published form, else None.

    Folders that contain everything are skipped.

    Raises:
        InputError: there are several sets of a form.
    """
    if path.is_file():
        return partial(read_medmnist, path, path) if path.suffix.lower() == NPZ else None
    for base in _nested(path):
        if reader := _of_folder(path, base):
            return reader
    return _of_arrays(path)


def _of_folder(root: Path, base: Path) -> Reader | None:
    if (base / DATASET_JSON).is_file():
        return _of_dataset_json(root, base)
    for one in (base, base / "rawdata"):
        if one.is_dir() and is_bids(one):
            return partial(read_bids, root, one)
    several = [one.name for one in _entries(base) if (one / DATASET_JSON).is_file()]
    if len(several) > 1:
        raise InputError(f"{base} holds several data sets ({first_few(several)}); name one of them")
    return None


def _of_dataset_json(root: Path, base: Path) -> Reader | None:
    folders = any((base / name).is_dir() for name in PARTS)
    try:
        content = read_json(base / DATASET_JSON)
    except InputError:
        if folders:
            raise
        return None  # of another program
    if not isinstance(content, dict):
        return None
    listed = isinstance(content.get("training"), list)
    if "channel_names" in content or (folders and "labels" in content and not listed):
        return partial(read_nnunet, root, base)
    return partial(read_decathlon, root, base) if listed else None


def _of_arrays(root: Path) -> Reader | None:
    """Return the reader of arrays, if there is nothing else to read."""
    found: dict[str, list[Path]] = {NPZ: [], MAT: []}
    for path in root.rglob("*"):
        if is_junk_file(path) or not path.is_file():
            continue
        if path.suffix.lower() in found:
            found[path.suffix.lower()].append(path)
        elif kind_of(path) is not None:
            return None
    if len(found[NPZ]) > 1:
        names = first_few(sorted(one.name for one in found[NPZ]))
        raise InputError(f"{root} holds several .npz files ({names}); name one of them")
    if found[NPZ]:
        return partial(read_medmnist, root, found[NPZ][0])
    return partial(read_matlab_folder, root) if found[MAT] else None


def _nested(root: Path) -> Iterator[Path]:
    """Yield `root`, then the only folder in it, and so on."""
    base = root
    for _ in range(DEPTH):
        yield base
        folders = [one for one in _entries(base) if one.is_dir()]
        if len(folders) != 1:
            return
        (base,) = folders


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if not is_junk_file(one))
    except OSError:
        return []
