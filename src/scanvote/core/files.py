"""Atomic writes: a file is written beside its target, then renamed."""

import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


WHILE_WRITING = "while writing "
"""Start of the note that says of an error which file or folder was being written."""
_DAY = 24 * 3600
_TEMPORARY = re.compile(r"\.([0-9a-f]{8})-(\d+)-")
_swept: set[Path] = set()
"""Folders in which this process has removed what killed processes left."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` when the block succeeds.

    Temporary files that killed processes left in the folder are removed.
    """
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        temporary = path.with_name(f".{_place()}-{os.getpid()}-{path.name}")
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_replace_folder(out: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces `out` when the block succeeds.

    The folder does not exist yet; the block creates it.
    """
    temporary = out.with_name(f".{out.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)  # left by a run that was killed
    with _naming(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            if out.exists():
                shutil.rmtree(out)
            temporary.rename(out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Note in an error of the block that `path` was being written, unless a note says more."""
    try:
        yield
    except Exception as error:
        if not any(note.startswith(WHILE_WRITING) for note in getattr(error, "__notes__", ())):
            error.add_note(f"{WHILE_WRITING}{path}")  # a full disk does not say which file it was
        raise


def _sweep(folder: Path) -> None:
    """Remove temporary files of `atomic_write` whose process is no more, once per process.

    Of another machine or container that may share the folder, only those a day old.
    """
    if folder in _swept:
        return
    _swept.add(folder)
    with suppress(OSError):  # no reason not to write
        for path in folder.glob(".[0-9a-f]*-*-*"):
            if (found := _TEMPORARY.match(path.name)) and _is_left(path, found[1], int(found[2])):
                path.unlink(missing_ok=True)


def _is_left(path: Path, place: str, process: int) -> bool:
    if place == _place() and Path("/proc/self").exists():
        return not Path(f"/proc/{process}").exists()
    return time.time() - path.stat().st_mtime > _DAY


@cache
def _place() -> str:
    """Return 8 digits for this machine or container, in which a process id means one process."""
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
        return hashlib.sha256(f"{platform.node()} {namespace}".encode()).hexdigest()[:8]
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def copy_file(source: Path, target: Path) -> None:
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)


def write_text(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a flat mapping as JSON, NaN (an absent class) as null."""
    plain = {key: None if value != value else value for key, value in values.items()}
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping of YAML; empty without the file or a mapping.

    Raises:
        yaml.YAMLError: the file is no YAML.
    """
    import yaml

    if not path.is_file():
        return {}
    # the C parser: ruamel.yaml takes a third of a second for a dvc.lock of thousands of lines
    values = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    return values if isinstance(values, dict) else {}


def write_csv(frame: "pd.DataFrame", path: Path) -> None:
    """Write a CSV with LF, and numbers as the shortest exact text."""
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def repository_root() -> Path:
    """Return the main repository, even for a DVC experiment in a copy.

    Outside a repository it is the working directory.
    """
    main = os.environ.get("DVC_ROOT")
    return Path(main).resolve() if main else (find_repository() or Path.cwd()).resolve()


def find_repository(start: Path | None = None) -> Path | None:
    """Return the nearest folder with `.dvc`, from `start` or the working directory upwards.

    Unlike `repository_root` it is the copy, for a DVC experiment in one.
    """
    here = start or Path.cwd()
    return next((one for one in (here, *here.parents) if (one / ".dvc").is_dir()), None)


def mirror_folder(setting: str | None) -> Path | None:
    """Return the folder in `download.mirror` or SCANVOTE_MIRROR; None for a URL.

    SCANVOTE_MIRROR takes precedence. If neither is set, it is None too.
    """
    mirror = os.environ.get("SCANVOTE_MIRROR") or setting
    if mirror is None or mirror.startswith(("http://", "https://")):
        return None
    return from_root(Path(mirror))


def from_root(path: Path) -> Path:
    """Resolve a relative path against the root of the main repository."""
    return repository_root() / path.expanduser()
