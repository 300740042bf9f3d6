"""Locate a data set's archive in a mirror or at its source.

A mirror is a folder or an address that holds the archives under the names of their sources.
In a folder an archive may also be unpacked, to a folder of its name without the ending.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from scanvote.core.errors import InputError
from scanvote.core.files import from_root, repository_root
from scanvote.core.progress import Progress, progress_bar
from scanvote.datasets.archives import copy_tree, extract
from scanvote.datasets.base import Archive
from scanvote.params import Params, Task


def unpacked_archive(archive: Archive) -> Callable[[Path, Task, Params], None]:
    """Return the `fetch` of a data set that is one unpacked archive."""

    def fetch(folder: Path, task: Task, params: Params) -> None:
        unpack(archive, folder, params)

    return fetch


def unpack(archive: Archive, folder: Path, params: Params) -> None:
    """Locate `archive` in the mirror or at its source, and unpack it.

    Args:
        archive: archive to unpack.
        folder: target folder, which must not exist.
        params: all of params.yaml; `download` gives the mirror and the size limit.

    Raises:
        InputError: the archive is not available, or is refused.
    """
    path = locate_archive(archive, params)
    max_bytes = int(params.download.max_gigabytes * 1e9)
    with progress_bar(f"Unpack {archive.name}") as progress:
        (copy_tree if path.is_dir() else extract)(path, folder, max_bytes, progress)


def locate_archive(archive: Archive, params: Params) -> Path:
    """Run `find_archive` with the mirror of params.yaml and a progress bar."""
    with progress_bar(f"Fetch {archive.name}") as progress:
        return find_archive(archive, params.download.mirror, progress)


def find_archive(archive: Archive, mirror: str | None, progress: Progress) -> Path:
    """Return `archive` as a local file, or as its unpacked folder.

    Args:
        archive: archive to find.
        mirror: ``download.mirror``, a folder or an http(s) address. The environment variable
            SCANVOTE_MIRROR overrides it; without either, the public source is used.
        progress: receives the number of fetched bytes.

    Raises:
        InputError: the mirror does not exist or lacks the archive, or the source is
            unreachable.
    """
    mirror = os.environ.get("SCANVOTE_MIRROR") or mirror
    if mirror is None:
        return _from_public_source(archive, progress)
    if mirror.startswith(("http://", "https://")):
        return _download(archive, f"{mirror.rstrip('/')}/{quote(archive.name)}", progress)
    return _from_mirror_folder(archive, from_root(Path(mirror)))


def _from_mirror_folder(archive: Archive, folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(
            f"the mirror {folder} is no folder; correct download.mirror or SCANVOTE_MIRROR"
        )
    for path in (folder / archive.name, folder / archive.stem):
        if path.exists():
            return path
    raise InputError(f"the mirror {folder} has no {archive.name}; put it there")


def _from_public_source(archive: Archive, progress: Progress) -> Path:
    if archive.kaggle:
        return _from_kaggle(archive)
    return _download(archive, archive.address, progress)


def _from_kaggle(archive: Archive) -> Path:
    """Return the folder of kagglehub, which handles Kaggle's protocol and credentials."""
    # kagglehub reads the variable on import and on use, so it is set before
    own = repository_root() / ".cache" / "kagglehub"
    cache = Path(os.environ.setdefault("KAGGLEHUB_CACHE", str(own)))
    import kagglehub

    try:
        return Path(kagglehub.dataset_download(archive.kaggle))
    except Exception as error:  # of kagglehub, requests and others, without a common base
        cached = _cached_version(cache / "datasets" / archive.kaggle)
        if cached and _is_offline(error):
            return cached
        raise InputError(f"{archive.dataset}: {_reason(error)}; {_advice(archive)}") from None


def _cached_version(folder: Path) -> Path | None:
    """Return the latest complete version in kagglehub's cache, or None.

    Without a network kagglehub does not look there itself.
    """
    versions = [int(mark.stem) for mark in folder.glob("*.complete") if mark.stem.isdigit()]
    return folder / "versions" / str(max(versions)) if versions else None


def _is_offline(error: Exception) -> bool:
    import requests

    return isinstance(error, (requests.ConnectionError, requests.Timeout))


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"Kaggle answers {error.response.status_code} {error.response.reason}"
    if _is_offline(error):
        return "no connection to Kaggle"
    return " ".join(str(error).split())[:160] or type(error).__name__


def _download(archive: Archive, address: str, progress: Progress) -> Path:
    from scanvote.datasets.fetching import Unreachable, fetch  # here, because it imports requests

    # a mirror and the public source may have different files of one name
    place = hashlib.sha256(address.encode()).hexdigest()[:8]
    target = repository_root() / ".cache" / "downloads" / place / archive.name
    try:
        fetch(address, target, progress)
    except Unreachable as error:
        raise InputError(f"{archive.dataset}: {error}; {_advice(archive)}") from None
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from None
    return target


def _advice(archive: Archive) -> str:
    return (
        f"put {archive.name} in a folder of yours and name that folder"
        " in download.mirror or SCANVOTE_MIRROR"
    )
