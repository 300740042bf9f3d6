"""The workers of a Dask scheduler, each of which makes one call at a time.

Dask is the courier: it brings a call to a worker that we name, and its result back. What is a
worker's turn, and what happens when it dies, is decided here: Dask would count a death against
every call that waits for that worker, and give up those that never began.
"""

import atexit
import logging
import os
import pickle
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import dask
from distributed import Client

from scanvote.core import cluster_worker as there
from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write, repository_root, sha256
from scanvote.core.machine import machine_fault
from scanvote.core.pool import Call, Files, Pool
from scanvote.core.terminal import print_status

LOOK = 0.25
"""Seconds between two looks at the workers."""
CONNECT = 10
"""Seconds within which a scheduler answers."""
PATIENCE = 30
"""Seconds to wait for the first worker, and for a file on a shared disk to be seen."""
_GONE = (
    "the Dask scheduler went away; what is done is kept: start it and its workers, and run the same"
    " again"
)
DEATHS = 3
"""Workers that may end during one call before it is given up."""
CHUNK = 1 << 23
"""Bytes of a file that travel at once."""


class _Lost(BaseException):
    """The worker is gone; no Exception, so that no call is answered with it."""


@cache
def connected(scheduler: str, workers: int | None) -> "Cluster":
    """Connect this process with a scheduler, once.

    Args:
        scheduler: its address; ``slurm`` starts one here, and asks Slurm for workers.
        workers: at most so many train at once; the jobs to ask Slurm for.

    Raises:
        InputError: no scheduler answers there, or it has no worker.
    """
    for name in ("distributed", *filter(_is_dask, logging.root.manager.loggerDict)):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # our own line says it
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"})  # files of calls
    client = _client(scheduler, workers)
    print_status(f"{scheduler}: the workers can be watched at {client.dashboard_link}")
    return Cluster(client, scheduler, workers)


def _is_dask(logger: str) -> bool:
    return logger.startswith("distributed.")


def _client(scheduler: str, workers: int | None) -> Client:
    if scheduler == "slurm":
        return Client(_slurm(workers or 1), set_as_default=False)
    try:
        return Client(scheduler, timeout=CONNECT, set_as_default=False)
    except Exception as error:
        raise InputError(
            f"{scheduler}: no Dask scheduler answers there ({_line(error)}); start one by `dask"
            " scheduler`, or see `compute` in params.yaml and SCANVOTE_SCHEDULER"
        ) from None


def _slurm(jobs: int) -> Any:
    """Ask Slurm for jobs of one worker each, over TLS with keys of this process.

    Queue, time, memory and GPUs are those of dask-jobqueue's own configuration.

    Raises:
        InputError: Slurm is not here or refuses a job, or the configuration lacks something.
    """
    from dask_jobqueue import SLURMCluster
    from distributed import Security

    if shutil.which("sbatch") is None:
        raise InputError("slurm: there is no sbatch here; run this where jobs are submitted")
    shared = repository_root() / ".cache"
    shared.mkdir(exist_ok=True)
    keys = TemporaryDirectory(prefix="slurm-", dir=shared)  # for us alone
    atexit.register(keys.cleanup)  # dask-jobqueue leaves them behind
    try:
        cluster = SLURMCluster(
            processes=1,
            security=Security.temporary(),
            protocol="tls://",
            shared_temp_directory=keys.name,
            # Dask's own choice would show the dashboard to the whole network
            scheduler_options={
                "dashboard_address": "127.0.0.1:8787",
                **dask.config.get("jobqueue.slurm.scheduler-options", {}),
            },
        )
    except ValueError as error:
        raise InputError(f"slurm: {_reason(error)}") from None

    async def submit() -> None:
        cluster.scale(jobs=jobs)
        await cluster._correct_state()  # of sbatch; `scale` alone swallows what it refuses

    try:
        cluster.sync(submit)
    except (RuntimeError, ValueError, OSError) as error:
        with suppress(AssertionError):  # that all jobs began
            cluster.close()
        raise InputError(f"slurm: {_reason(error)}") from None
    print_status(f"slurm: asked for {jobs} jobs; `squeue --me` tells when they begin")
    return cluster


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _reason(error: Exception) -> str:
    """Return what the user can do about an error of dask-jobqueue, in one line."""
    text = _line(error)
    if "how much cores and memory" in text:
        return (
            "dask-jobqueue needs cores and memory of a job; write `jobqueue: {slurm: {cores: 4,"
            " memory: 16GB, walltime: '12:00:00'}}` to ~/.config/dask/jobqueue.yaml"
        )
    return text.partition("stderr: ")[2] or text  # of sbatch, what it said


class Cluster(Pool):
    """Calls for the workers of a scheduler, which may come and go.

    Args:
        client: of the scheduler.
        where: name of the scheduler, for messages.
        trainings: at most so many at once; None for every worker.
    """

    def __init__(self, client: Client, where: str, trainings: int | None) -> None:
        super().__init__()
        self._client, self._where, self._trainings = client, where, trainings
        self._session, self._facts = uuid4().hex[:8], there.facts()
        self._failure: InputError | None = None
        self._making, self._keys = set[Call](), f"scanvote-{self._session}-"
        self._others: dict[str, int] = {}  # calls of others at each worker, by address
        self._workers: dict[str, _Worker] = {}
        self._refused: dict[str, str] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def size(self) -> int:
        return sum(self._workers[one].threads for one in self._workers.keys() & self._others.keys())

    def close(self) -> None:
        """Drop the calls; the connection stays for later ones."""
        with self._changed:
            self._waiting.clear()
            for call in self._making:
                call.dropped = True

    def _put(self, call: Call, first: bool = False) -> None:
        if self._failure is not None:
            call.answer.set_exception(self._failure)
        else:
            super()._put(call, first)

    # -- workers come and go ----------------------------------------------------

    def _watch(self) -> None:
        known, waited = set[str](), time.monotonic()
        while self._failure is None:
            try:
                tasks = self._client.processing()
            except Exception:
                return self._fail(_GONE)
            self._others = {
                address: sum(not key.startswith(self._keys) for key in keys)
                for address, keys in tasks.items()
            }
            for address in self._others.keys() - known:
                threading.Thread(target=self._admit, args=(address,), daemon=True).start()
            known |= self._others.keys()
            if self.size or not self._waiting or self._where == "slurm":
                waited = time.monotonic()
            elif time.monotonic() - waited > PATIENCE:
                return self._fail(self._why_nobody())
            with self._changed:  # one that waited for a worker to be free looks again
                self._changed.notify_all()
            time.sleep(LOOK)
        return None

    def _why_nobody(self) -> str:
        if refused := [*self._refused.values()]:
            return f"no worker of it can help: {refused[-1]}"
        return "it has no worker; start one by `dask worker`"

    def _fail(self, line: str) -> None:
        self._failure = InputError(f"{self._where}: {line}")
        with self._changed:
            waiting, self._closed = [*self._waiting], True
            self._waiting.clear()
            self._changed.notify_all()
        for call in waiting:
            call.answer.set_exception(self._failure)

    def _admit(self, address: str) -> None:
        """Check a new worker, and let it take calls."""
        try:
            facts = self._ask(address, there.facts)
        except (_Lost, InputError):
            return
        except Exception as error:  # scanvote cannot be imported there
            facts = {"name": address, "packages": {}, "code": _line(error)}
        if odd := _difference(facts, self._facts):
            self._refused[address] = f"{facts['name']} {odd}"
            print_status(f"{self._where}: a worker is not used: {self._refused[address]}")
            return
        if facts["processor"] != self._facts["processor"]:
            print_status(
                f"{facts['name']} has another processor ({facts['processor']}, not"
                f" {self._facts['processor']}): what it trains may differ in the last digits"
            )
        with self._changed:
            worker = _Worker(address, facts["name"], facts["threads"], self._number(address))
            self._workers[address] = worker
            trainers = len(self._workers.keys() & self._others.keys())
        trains = self._trainings is None or trainers <= self._trainings
        for slot in range(worker.threads):
            arguments = (worker, slot, trains and slot == 0)
            threading.Thread(target=self._serve, args=arguments, daemon=True).start()

    def _number(self, address: str) -> int:
        """The smallest number that no other worker of its host has, which decides its GPU."""
        host = address.rpartition(":")[0]
        others = (one for one in self._workers.values() if one.address in self._others)
        taken = {one.number for one in others if one.address.startswith(f"{host}:")}
        return next(number for number in count() if number not in taken)

    def _serve(self, worker: "_Worker", slot: int, trains: bool) -> None:
        def accepts(call: Call) -> bool:
            if worker.address not in self._others:
                raise _Lost
            others = self._others[worker.address]
            return trains and not others if call.training else others < worker.threads

        name = worker.name if slot == 0 else f"{worker.name}/{slot}"
        with suppress(_Lost):
            while (call := self._take(accepts)) is not None:
                self._making.add(call)
                try:
                    self._make(call, name, partial(self._send, worker))
                finally:
                    self._making.discard(call)

    # -- a call at a worker -----------------------------------------------------

    def _send(self, worker: "_Worker", call: Call) -> Any:
        try:
            with worker.lock:
                parcel = self._parcel(worker, call.files)
            made, written = self._ask(worker.address, there.make, call.payload, parcel, call=call)
        except _Lost:
            if call.dropped:  # by us: the worker stays
                return None
            call.deaths += 1
            if call.deaths < DEATHS:
                self._put(call, first=True)
                raise
            raise InputError(
                f"{self._where}: {DEATHS} workers ended one after the other at the same call"
                f" ({call.text or 'a block of files'}), the last of them {worker.name}"
            ) from None
        except OSError as error:  # a full disk is the worker's, not ours
            fault = machine_fault(error) or _line(error)
            raise InputError(f"the worker {worker.name}: {fault}") from None
        for name, content in written.items():
            with atomic_write(call.files.here(name)) as beside:
                beside.write_bytes(content)
        if parcel.folder:
            _await_files(call.files.writes.values())
        return pickle.loads(made)

    def _parcel(self, worker: "_Worker", files: Files) -> there.Parcel:
        """Pack the files of a call; what is kept is sent before, once a worker."""
        if self._shares(worker, files):
            folder, root = str(Path.cwd()), str(repository_root())
            return there.Parcel(worker.number, folder, root, os.environ.get("SCANVOTE_MIRROR"))
        here = {name: path for name, path in files.reads.items() if path.exists()}
        large = {name for name, path in here.items() if path.stat().st_size > CHUNK}
        kept = {name: _digest(path) for name, path in files.kept.items()}
        # of a name of its own, as it is removed after the call
        once = {name: f"{_digest(here[name])}-{uuid4().hex[:8]}" for name in large}
        paths = {**files.kept, **here}
        self._deliver(worker, {blob: paths[name] for name, blob in {**kept, **once}.items()})
        worker.has -= {*once.values()}
        return there.Parcel(
            worker.number,
            session=self._session if files.reads else "",
            kept={**kept, **once},
            once=[*once],
            reads={name: here[name].read_bytes() for name in here.keys() - large},
            writes=[*files.writes],
        )

    def _shares(self, worker: "_Worker", files: Files) -> bool:
        """Tell if the worker sees this disk, by the first files that are asked of it."""
        if worker.shares is None:
            paths = [path.resolve() for path in [*files.kept.values(), *files.reads.values()]]
            if not (states := {f"{one}": there.state(one) for one in paths[:100] if one.exists()}):
                return False  # nothing to see: its own folder will do
            worker.shares = self._ask(worker.address, there.sees, states)
        return worker.shares

    def _deliver(self, worker: "_Worker", paths: Mapping[str, Path]) -> None:
        """Send the files, by digest, that the worker lacks."""
        wanted = [one for one in paths if one not in worker.has]
        for digest in self._ask(worker.address, there.missing, wanted) if wanted else []:
            with paths[digest].open("rb") as file:
                for offset in range(0, max(1, paths[digest].stat().st_size), CHUNK):
                    chunk = file.read(CHUNK)  # none of an empty file
                    self._ask(worker.address, there.receive, digest, offset, chunk)
            self._ask(worker.address, there.complete, digest)
        worker.has |= paths.keys()

    def _ask(
        self, address: str, function: Callable[..., Any], *arguments: Any, call: Call | None = None
    ) -> Any:
        """Return what a function returns at a worker.

        Raises:
            _Lost: the worker ended before.
            InputError: the scheduler went away.
        """
        key, done = self._keys + uuid4().hex, threading.Event()
        future = self._client.submit(
            function, *arguments, workers=[address], key=key, pure=False, retries=0
        )
        future.add_done_callback(lambda _: done.set())
        try:
            while not done.wait(LOOK):
                if self._failure:
                    raise self._failure
                if address not in self._others or (call and call.dropped):
                    raise _Lost
            return future.result()
        except CancelledError:  # the worker is gone, or the scheduler
            time.sleep(2 * LOOK)
            if self._failure:
                raise self._failure from None
            raise _Lost from None
        finally:
            (future.release if future.done() else future.cancel)()


@dataclass(eq=False)
class _Worker:
    """A worker that may help.

    Attributes:
        number: among the workers of its host.
        shares: whether it sees this disk; None before that is asked.
        has: digests of the files that it has.
        lock: held while files are sent to it.
    """

    address: str
    name: str
    threads: int
    number: int
    shares: bool | None = None
    has: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


def _difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """Say how the lock of a worker differs; empty if it does not."""
    both = {"Python": theirs.get("python"), **theirs["packages"]}
    mine = {"Python": ours["python"], **ours["packages"]}
    for name in sorted(both.keys() & mine.keys(), key=lambda name: (name != "Python", name)):
        if both[name] != mine[name] and both[name] is not None:
            return (
                f"has {name} {both[name]}, this machine {mine[name]}; install the same lock there"
            )
    if theirs["code"] != ours["code"]:
        return f"has no scanvote of this code ({theirs['code']}); check out the same commit there"
    return ""


def _digest(path: Path) -> str:
    status = path.stat()
    return _digest_of(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=10_000)
def _digest_of(path: Path, size: int, changed: int) -> str:
    return sha256(path)


def _await_files(paths: Iterable[Path]) -> None:
    """Wait until files that a worker wrote are seen here: NFS remembers what was missing."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not all(path.exists() for path in paths):
        time.sleep(LOOK)
        for path in paths:
            with suppress(OSError):
                os.listdir(path.parent)
