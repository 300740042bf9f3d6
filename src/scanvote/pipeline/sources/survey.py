"""Look at the user's own folder or table: which files there are, and what is in them.

A file is read only if its name, size or modification time differs from the last look, which is
remembered in ``.cache/sources`` (ignored by git). What becomes a DVC output is a digest alone.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scanvote.core.files import repository_root, sha256, write_text
from scanvote.core.machine import raise_fault
from scanvote.core.progress import progress_bar
from scanvote.datasets.trees import is_junk_file
from scanvote.datasets.user_data.layout import TABLES
from scanvote.datasets.user_data.table import listed_paths

READERS = 8
"""Threads that read files at once; more do not read a disk faster."""
FRESH = 2 * 10**9
"""Nanoseconds: a file that is younger may change again without a new modification time."""
PAIRS = (".mhd", ".nhdr", ".hdr")
"""Endings of headers, whose voxels lie in a file of the same name beside them."""

Entry = Mapping[str, int | str]
"""What is known of a data set: number of files, bytes, and digest."""


@dataclass(frozen=True)
class Survey:
    """The files of one data set of the user's.

    Attributes:
        sizes: bytes of each file, by its name below the folder, or from the table on.
        digests: SHA-256 of each, likewise.
    """

    sizes: Mapping[str, int]
    digests: Mapping[str, str]

    @property
    def entry(self) -> Entry:
        """Number of files, bytes, and a digest of names and contents."""
        lines = "".join(f"{name}\0{self.digests[name]}\n" for name in sorted(self.digests))
        digest = hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()
        return {"files": len(self.sizes), "bytes": sum(self.sizes.values()), "digest": digest}


def survey(path: Path) -> Survey:
    """Look at all files of a folder, or at a table and the files that it names.

    Hidden files are left out, as they are when the data are taken. Files that cannot be read count
    with their names alone.
    """
    found = {name: (place, stat) for name, place, stat in sorted(_files(path))}
    record = _record(path)
    known = _read(record)
    states = {name: [stat.st_size, stat.st_mtime_ns] for name, (_, stat) in found.items()}
    differ = [name for name, state in states.items() if known.get(name, [])[:2] != state]
    read = dict(zip(differ, _digests([found[name][0] for name in differ]), strict=True))
    digests = {name: read[name] if name in read else str(known[name][2]) for name in states}
    if differ or known.keys() != states.keys():
        _write(record, {name: [*_settled(states[name]), digests[name]] for name in states})
    return Survey({name: state[0] for name, state in states.items()}, digests)


def cache_folder() -> Path:
    """Return the folder of what this machine remembers of the user's data."""
    return repository_root() / ".cache" / "sources"


def _files(path: Path) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield the name, the place and the state of each file."""
    if path.is_dir():
        yield from _below(str(path), "", set())
        return
    yield path.name, str(path), path.stat()
    if path.suffix.lower() not in TABLES:
        return
    for one in dict.fromkeys(_with_pairs(listed_paths(path))):
        name = os.path.relpath(one, path.parent)
        if one.is_dir():
            yield from _below(str(one), f"{name}/", set())
        elif one.is_file():
            yield name, str(one), one.stat()


def _with_pairs(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield path
        if path.suffix.lower() in PAIRS:
            yield from sorted(path.parent.glob(f"{path.stem}.*"))


def _below(folder: str, name: str, seen: set[str]) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield the files below `folder`; no folder twice, however many links lead to it."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda one: one.name)
    except OSError as error:
        raise_fault(error)
        return
    for entry in entries:
        if is_junk_file(Path(entry.name)):
            continue
        if entry.is_dir():
            yield from _below(entry.path, f"{name}{entry.name}/", seen)
        elif entry.is_file():
            yield f"{name}{entry.name}", entry.path, entry.stat()


def _digests(paths: Sequence[str]) -> Iterator[str]:
    with progress_bar("Look at own data") as progress, ThreadPoolExecutor(READERS) as pool:
        for done, digest in enumerate(pool.map(_digest, paths), 1):
            yield digest
            progress(done, len(paths))


def _digest(path: str) -> str:
    try:
        return sha256(Path(path))
    except OSError as error:
        raise_fault(error)
        return "unreadable"


def _settled(state: list[int]) -> list[int]:
    """Return what to remember of a size and a time: no time that may still be that of a change."""
    size, modified = state
    return [size, modified if time.time_ns() - modified > FRESH else -1]


def _record(path: Path) -> Path:
    place = os.path.abspath(path)
    return cache_folder() / f"{hashlib.sha256(os.fsencode(place)).hexdigest()[:16]}.json"


def _read(record: Path) -> dict[str, list[int | str]]:
    try:
        values = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _write(record: Path, files: Mapping[str, Sequence[int | str]]) -> None:
    try:
        write_text(record, json.dumps(files) + "\n")
    except OSError:
        return  # a read-only checkout: the files are read again the next time
