"""Where the archive of a data set comes from: a mirror, or its public source."""

import os
from pathlib import Path
from urllib.parse import quote

from scanvote.datasets.base import DataSet
from scanvote.datasets.fetching import Unreachable, fetch
from scanvote.errors import InputError
from scanvote.files import from_root, repository_root
from scanvote.progress import Progress

KAGGLE = "https://www.kaggle.com/api/v1/datasets/download"


def find_archive(dataset: DataSet, mirror: str | None, progress: Progress) -> Path:
    """The archive of `dataset` as a local file.

    Args:
        dataset: one that has an archive.
        mirror: ``download.mirror``, a folder or an http(s) address; the environment
            variable SCANVOTE_MIRROR overrides it; without either the public source serves.
        progress: told of the bytes that are fetched.

    Raises:
        InputError: no such mirror, no such archive in it, or the source cannot be reached.
    """
    mirror = os.environ.get("SCANVOTE_MIRROR") or mirror
    if mirror is None:
        return _public(dataset, progress)
    if mirror.startswith(("http://", "https://")):
        return _fetched(dataset, f"{mirror.rstrip('/')}/{quote(dataset.archive)}", progress)
    return _mirrored(dataset, from_root(Path(mirror)))


def _mirrored(dataset: DataSet, folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(
            f"the mirror {folder} is no folder; correct download.mirror or SCANVOTE_MIRROR"
        )
    archive = folder / dataset.archive
    if not archive.is_file():
        raise InputError(f"the mirror {folder} has no {dataset.archive}; put it there")
    return archive


def _public(dataset: DataSet, progress: Progress) -> Path:
    if not dataset.kaggle:
        raise InputError(f"{dataset.name} has no public source; {_advice(dataset)}")
    return _fetched(dataset, f"{KAGGLE}/{dataset.kaggle}", progress)


def _fetched(dataset: DataSet, address: str, progress: Progress) -> Path:
    target = repository_root() / ".cache" / "downloads" / dataset.archive
    try:
        fetch(address, target, progress)
    except Unreachable as error:
        raise InputError(f"{dataset.name}: {error}; {_advice(dataset)}") from None
    return target


def _advice(dataset: DataSet) -> str:
    return (
        f"put {dataset.archive} in a folder of yours and name that folder"
        " in download.mirror or SCANVOTE_MIRROR"
    )
