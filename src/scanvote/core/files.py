"""Writing without halves: every file is made beside its place, then renamed."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def atomic_replace_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out`, not made yet, that takes its place when the block succeeds."""
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


def write_text(path: Path, text: str) -> None:
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """A flat mapping; what is not a number, as of a class that is absent, becomes null."""
    plain = {key: None if value != value else value for key, value in values.items()}
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_csv(frame: "pd.DataFrame", path: Path) -> None:
    """Comma-separated, LF, numbers as the shortest text that reads back equal."""
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def repository_root() -> Path:
    """The main repository, also where a queued experiment runs in a copy of it."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def mirror_folder(setting: str | None) -> Path | None:
    """The folder that `download.mirror` or SCANVOTE_MIRROR names; None if it is an address."""
    mirror = os.environ.get("SCANVOTE_MIRROR") or setting
    if mirror is None or mirror.startswith(("http://", "https://")):
        return None
    return from_root(Path(mirror))


def from_root(path: Path) -> Path:
    """`path`, a relative one counted from the root of the main repository."""
    return repository_root() / path.expanduser()
