"""Folders for libraries that write to the home directory, where there is none to write to."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from scanvote.core.files import repository_root

_FOLDERS = {
    "KERAS_HOME": "keras",
    "MPLCONFIGDIR": "matplotlib",
    "XDG_CACHE_HOME": "cache",  # fontconfig and others
}


def use_writable_home() -> None:
    """Give libraries folders to write to if the home directory is missing or read-only.

    They lie below `.cache` of the repository, or else in the temporary folder. MLflow, whose import
    asks for the home directory, and Keras get a home even if the user has none, as a container's
    user without a name. A home that exists stays the home: Git's settings lie there.
    """
    home = _home()
    if home is not None and os.access(home, os.W_OK | os.X_OK):
        return
    if home is not None and all(name in os.environ for name in _FOLDERS):
        return
    folder = _own_folder()
    if home is None or not home.is_dir():
        os.environ["HOME"] = str(folder)
    for name, part in _FOLDERS.items():
        if name == "KERAS_HOME" and home is not None and (home / ".keras").is_dir():
            continue  # it may hold weights, and Keras bears that it is read-only
        if name not in os.environ:
            (folder / part).mkdir(exist_ok=True)
            os.environ[name] = str(folder / part)


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _own_folder() -> Path:
    """Return a folder that this user may write to."""
    root = repository_root()
    if (root / ".dvc").is_dir():
        with suppress(OSError):
            folder = root / ".cache" / "home"
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK | os.X_OK):
                return folder
    return own_temporary_folder()


def own_temporary_folder() -> Path:
    """Return this user's folder of scanvote among the temporary files."""
    folder = Path(tempfile.gettempdir(), f"scanvote-{os.getuid()}")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    # another user may have made it first
    mine = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
    return folder if mine else Path(tempfile.mkdtemp(prefix="scanvote-"))
