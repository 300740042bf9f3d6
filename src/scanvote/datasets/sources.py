"""Where the archive of a data set comes from: a mirror, or its public source.

A mirror is a folder or an address with the archives as their sources name them; in a folder
an archive may also lie unpacked, as a folder of its name without the ending.
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
    """The `fetch` of a data set that is used as its one archive unpacks."""

    def bring(folder: Path, task: Task, params: Params) -> None:
        unpack(archive, folder, params)

    return bring


def unpack(archive: Archive, folder: Path, params: Params) -> None:
    """Find `archive`, in the mirror or at its public source, and unpack it to `folder`.

    Args:
        archive: what to unpack.
        folder: where to; it must not exist.
        params: the whole of params.yaml; `download` tells of the mirror and the limit.

    Raises:
        InputError: it cannot be had, or is refused.
    """
    path = locate_archive(archive, params)
    most = int(params.download.max_gigabytes * 1e9)
    with progress_bar(f"Unpack {archive.name}") as progress:
        (copy_tree if path.is_dir() else extract)(path, folder, most, progress)


def locate_archive(archive: Archive, params: Params) -> Path:
    """`find_archive` with a progress bar, in the mirror of params.yaml."""
    with progress_bar(f"Fetch {archive.name}") as progress:
        return find_archive(archive, params.download.mirror, progress)


def find_archive(archive: Archive, mirror: str | None, progress: Progress) -> Path:
    """`archive` as a local file, or the folder it was unpacked to.

    Args:
        archive: what is looked for.
        mirror: ``download.mirror``, a folder or an http(s) address; the environment
            variable SCANVOTE_MIRROR overrides it; without either the public source serves.
        progress: told of the bytes that are fetched.

    Raises:
        InputError: no such mirror, no such archive in it, or the source cannot be reached.
    """
    mirror = os.environ.get("SCANVOTE_MIRROR") or mirror
    if mirror is None:
        return _public(archive, progress)
    if mirror.startswith(("http://", "https://")):
        return _fetched(archive, f"{mirror.rstrip('/')}/{quote(archive.name)}", progress)
    return _mirrored(archive, from_root(Path(mirror)))


def _mirrored(archive: Archive, folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(
            f"the mirror {folder} is no folder; correct download.mirror or SCANVOTE_MIRROR"
        )
    for path in (folder / archive.name, folder / archive.stem):
        if path.exists():
            return path
    raise InputError(f"the mirror {folder} has no {archive.name}; put it there")


def _public(archive: Archive, progress: Progress) -> Path:
    if archive.kaggle:
        return _from_kaggle(archive)
    return _fetched(archive, archive.address, progress)


def _from_kaggle(archive: Archive) -> Path:
    """The folder that kagglehub unpacks the set to: it knows Kaggle's ways and credentials."""
    # read when kagglehub is imported or used, so set before
    own = repository_root() / ".cache" / "kagglehub"
    cache = Path(os.environ.setdefault("KAGGLEHUB_CACHE", str(own)))
    import kagglehub

    try:
        return Path(kagglehub.dataset_download(archive.kaggle))
    except Exception as error:  # its own, of requests, of its parts: none has a common base
        have = _fetched_before(cache / "datasets" / archive.kaggle)
        if have and _is_offline(error):
            return have
        raise InputError(f"{archive.dataset}: {_reason(error)}; {_advice(archive)}") from None


def _fetched_before(folder: Path) -> Path | None:
    """The last whole version in kagglehub's cache, which it does not look for without a net."""
    whole = [int(mark.stem) for mark in folder.glob("*.complete") if mark.stem.isdigit()]
    return folder / "versions" / str(max(whole)) if whole else None


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


def _fetched(archive: Archive, address: str, progress: Progress) -> Path:
    from scanvote.datasets.fetching import Unreachable, fetch  # and requests

    # a mirror and the public source may differ under one name
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
