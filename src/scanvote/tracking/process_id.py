"""Identity of processes: of a stage, and of the DVC that runs it.

Host names, process ids and clocks may be equal in two containers, so a process is known by the
boot of its kernel, its PID namespace, its id and the tick of its start.
"""

import os
import shlex
import socket
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanvote.core.digests import digest
from scanvote.core.files import repository_root, write_text

_PROC = Path("/proc")
_IDLE_SECONDS = 30 * 86400
"""An execution's file is deleted when no stage has used it for so long."""


@dataclass(frozen=True)
class ProcessId:
    """Identity of a process, also against another one with its id.

    Attributes:
        host: name of the machine or container, for people.
        pid: its id as this namespace numbers it.
        started: seconds since 1970, for people: they change with the clock.
        place: boot of the kernel and PID namespace, in which `pid` and `tick` identify it; the
            name of the host without Linux; empty if the run is of an older version.
        tick: start of the process, in ticks since the boot.
    """

    host: str
    pid: int
    started: float
    place: str = ""
    tick: str = ""

    def tags(self) -> dict[str, str]:
        return {
            "scanvote.host": self.host,
            "scanvote.pid": str(self.pid),
            "scanvote.started": f"{self.started:.2f}",
            "scanvote.place": self.place,
            "scanvote.tick": self.tick,
        }

    @classmethod
    def of_tags(cls, tags: Mapping[str, str]) -> "ProcessId":
        return cls(
            tags["scanvote.host"],
            int(tags["scanvote.pid"]),
            float(tags["scanvote.started"]),
            tags.get("scanvote.place", ""),
            tags.get("scanvote.tick", ""),
        )

    def is_same(self, other: "ProcessId") -> bool:
        own = (self.place, self.pid, self.tick)
        return own == (other.place, other.pid, other.tick)

    def is_alive(self) -> bool:
        """Tell if the process runs; one of another place counts as alive."""
        import psutil

        if self.place != this_place():
            return True
        try:
            process = psutil.Process(self.pid)
            return self.is_same(id_of(process)) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def this_process() -> ProcessId:
    return id_of(_own())


def this_place() -> str:
    """Return what identifies the kernel's boot and the PID namespace of this process."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return socket.gethostname()


def pipeline_process() -> tuple[ProcessId, str]:
    """Return the process that runs the pipeline, and its command as typed.

    It is the nearest ancestor that is DVC: `dvc repro`, `dvc exp run` (also with `--temp`),
    or `dvc exp exec-run`, which a queue worker starts once for each experiment.
    Without DVC it is this process.
    """
    own = _own()
    ancestors = own.parents() if "DVC_STAGE" in os.environ else []
    for process in ancestors:
        command = _dvc_command(process)
        if command is not None:
            return id_of(process), command
    driver = next((process for process in ancestors if not _has_stage(process)), own)
    return id_of(driver), shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def execution_id(process: ProcessId) -> str:
    """Return the random id of the execution that a process runs, in this repository.

    It is made once and kept in a file, as what identifies the process may be equal in two virtual
    machines: they have a repository each. The caller holds the lock of the store.
    """
    known = digest(process.host, process.place, process.pid, process.tick)
    path = repository_root() / ".cache" / "executions" / known
    if not path.is_file():
        _delete_idle(path.parent)
        write_text(path, uuid.uuid4().hex)
    os.utime(path)
    return path.read_text()


def _delete_idle(folder: Path) -> None:
    oldest = time.time() - _IDLE_SECONDS
    for path in folder.glob("*"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def id_of(process: Any) -> ProcessId:
    """Return the identity of a `psutil.Process`."""
    started = process.create_time()
    tick = _tick(process.pid) or repr(started)
    return ProcessId(socket.gethostname(), process.pid, started, this_place(), tick)


def _tick(pid: int) -> str:
    # `create_time` is relative to a boot time that changes when the clock is corrected
    try:
        # the second field, the command in brackets, may hold spaces and brackets
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _own() -> Any:
    """Return this process as /proc shows it, which may be that of an outer namespace."""
    import psutil

    with suppress(OSError, ValueError):
        return psutil.Process(int(os.readlink(_PROC / "self")))
    return psutil.Process()


def _dvc_command(process: Any) -> str | None:
    """Return the DVC command that a process runs, None for another process.

    DVC runs as `dvc`, `python …/bin/dvc` or `python -m dvc`.
    """
    import psutil

    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return None
    for place, word in enumerate(words[:3]):
        if Path(word).stem == "dvc":
            queued = "exec-run" in words  # its arguments are only names of temporary files
            return "dvc queue start" if queued else shlex.join(["dvc", *words[place + 1 :]])
    return None


def _has_stage(process: Any) -> bool:
    # DVC called from Python (a test, a notebook) has another name, but only its child processes
    # have this variable
    import psutil

    try:
        return "DVC_STAGE" in process.environ()
    except psutil.Error:
        return False
