"""What runs in a Dask worker: it keeps files, and hands calls to processes of its own.

Calls are made in processes beside the worker, as they are on this machine, so that it answers the
scheduler meanwhile, and outlives a training that runs out of memory.
"""

import hashlib
import os
import pickle
import platform
import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from scanvote.core.child import Child, ProcessDied
from scanvote.core.digests import digest
from scanvote.core.errors import InputError
from scanvote.core.files import sha256
from scanvote.core.pool import DIED, gpu_of

_PACKAGE = Path(__file__).parents[1]
_children: list[Child] = []
"""Those without a call, of the settings that were used last."""
_read = Counter[Path]()
"""Calls that read a file at present: two threads may have been sent the same one."""
_lock = threading.Lock()


@dataclass(frozen=True)
class Parcel:
    """Where a call is made, and its files.

    Attributes:
        number: of the worker among those of its host.
        folder: working directory on a shared disk; empty for one of the worker's own.
        root: root of the repository there.
        mirror: SCANVOTE_MIRROR there.
        session: of the sender, if the call has files of its own.
        kept: digests of the files that were sent before, by path.
        once: those of `kept` that no later call needs.
        reads: contents of the other files, by path.
        writes: files and folders to bring back.
    """

    number: int
    folder: str = ""
    root: str = ""
    mirror: str | None = None
    session: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)
    once: Sequence[str] = ()
    reads: Mapping[str, bytes] = field(default_factory=dict)
    writes: Sequence[str] = ()


@cache
def facts() -> dict[str, Any]:
    """Return what must be equal at a worker and the machine that it works for, and its name."""
    code = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        code.update(path.relative_to(_PACKAGE).as_posix().encode() + path.read_bytes())
    return {
        "name": platform.node(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "packages": {one.name.lower(): one.version for one in distributions() if one.name},
        "code": code.hexdigest()[:12],
        "processor": _processor(),
    } | _worker_facts()


def state(path: Path) -> tuple[int, ...]:
    """Return what tells a file from a copy of it on another disk."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def sees(states: Mapping[str, tuple[int, ...]]) -> bool:
    """Tell if this worker sees the files themselves."""
    with suppress(OSError):
        return all(state(Path(path)) == there for path, there in states.items())
    return False


def missing(digests: Iterable[str]) -> list[str]:
    return [one for one in digests if not _blob(one).exists()]


def receive(name: str, offset: int, chunk: bytes) -> None:
    """Write a part of the file of this name, perhaps beside another sender of the same."""
    with open(os.open(_part(name), os.O_WRONLY | os.O_CREAT), "wb") as file:
        file.seek(offset)
        file.write(chunk)


def complete(name: str) -> None:
    """Check and keep the file of this name, which begins with its digest."""
    with suppress(FileNotFoundError):  # another sender was first
        if sha256(_part(name)) != name.partition("-")[0]:
            _part(name).unlink()
            raise InputError("a file was damaged on its way to a worker; run the same again")
        _part(name).rename(_blob(name))


def make(payload: bytes, parcel: Parcel) -> tuple[bytes, dict[str, bytes]]:
    """Make a call; return its pickled result and the files that it wrote."""
    folder = Path(parcel.folder) if parcel.folder else _unpack(parcel)
    environment = gpu_of(parcel.number) | {"DVC_ROOT": parcel.root or str(folder)}
    mirror = parcel.mirror if parcel.folder else str(folder / ".mirror")
    environment |= {"SCANVOTE_MIRROR": mirror} if mirror else {}
    child = _borrow(environment, folder)
    try:
        result = child.call(payload, _stop_if_cancelled)
        written = {} if parcel.folder else dict(_files(folder, parcel.writes))
    except ProcessDied:
        raise InputError(f"a process of the worker {facts()['name']} died, {DIED}") from None
    finally:
        with _lock:
            _children.append(child)
        if not parcel.folder:
            _clear(folder, parcel)
    return pickle.dumps(result), written  # Dask would handle each array in it by itself


def _borrow(environment: dict[str, str], folder: Path) -> Child:
    """Return a process with these settings; those with others end."""
    with _lock:
        for child in [
            one for one in _children if (one.environment, one.folder) != (environment, folder)
        ]:
            _children.remove(child)
            child.close()
        return _children.pop() if _children else Child(environment, folder)


def _unpack(parcel: Parcel) -> Path:
    stay = sorted(one for one in parcel.kept.items() if one[0] not in parcel.once)
    folder = _home() / f"{parcel.session or 'kept'}-{digest(*stay)}"  # a process keeps its folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in [*parcel.kept, *parcel.reads, *parcel.writes]:
        if not (path := (folder / name).absolute()).is_relative_to(folder) or ".." in path.parts:
            raise InputError(f"a worker without this disk cannot have {name}: give relative paths")
        path.parent.mkdir(parents=True, exist_ok=True)
    for name, blob in parcel.kept.items():
        with suppress(FileExistsError):
            os.link(_blob(blob), folder / name)
    with _lock:
        for name, content in parcel.reads.items():
            if not _read[folder / name]:
                (folder / name).write_bytes(content)
        _read.update(folder / name for name in parcel.reads)
    return folder


def _clear(folder: Path, parcel: Parcel) -> None:
    for name in parcel.once:
        _blob(parcel.kept[name]).unlink(missing_ok=True)
    with _lock:
        _read.subtract(folder / name for name in parcel.reads)
        unread = [name for name in parcel.reads if not _read[folder / name]]
        for name in [*unread, *parcel.once, *parcel.writes]:
            _read.pop(folder / name, None)
            shutil.rmtree(folder / name, ignore_errors=True)
            with suppress(OSError):
                (folder / name).unlink()


def _files(folder: Path, names: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for name in names:
        path = folder / name
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if one.is_file():
                yield one.relative_to(folder).as_posix(), one.read_bytes()


def _blob(name: str) -> Path:
    folder = _home() / "files"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def _part(name: str) -> Path:
    return _blob(name).with_suffix(".part")


def _home() -> Path:
    from distributed import get_worker

    return Path(get_worker().local_directory) / "scanvote"


def _worker_facts() -> dict[str, Any]:
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:  # not in a worker
        return {}
    name = str(worker.name) if worker.name != worker.address else worker.address
    return {"name": name, "threads": worker.state.nthreads}


def _stop_if_cancelled() -> None:
    from distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state in ("cancelled", "resumed"):
        raise InputError("nobody waits for this call any more")


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
