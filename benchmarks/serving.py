"""serving: the server under load, beside that of an older checkout.

    python benchmarks/serving.py PACKAGE SCANS [--before CHECKOUT] [--before-package PACKAGE]
        [--rounds 3] [--seconds 12] [--requests 3000] > benchmarks/serving.md

SCANS is a folder of images. CHECKOUT is a worktree of an older commit; it serves its own package,
by default the same. Servers and load (`load.py`) are processes of their own on one machine. The
servers are loaded in turns, so that what else the machine does meets both. Prints Markdown.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from json import loads
from pathlib import Path
from statistics import median
from threading import Timer

import cv2
import numpy as np
import psutil
from load import Reply

HERE = Path(__file__)
SERVE = "from scanvote.cli import app; app()"
SPIN = "while True: pass"
CLIENTS = (1, 8, 64)
WARM = 2.0
"""Seconds of each load that do not count."""
LARGE_SIDE = 6300
"""Pixels a side of the large image: nearly 40 million in all."""


@dataclass(frozen=True)
class Version:
    """A checkout and its package."""

    name: str
    checkout: Path
    package: Path


@dataclass
class Server:
    """A running server, and where it listens."""

    web: psutil.Process
    port: int

    @property
    def processes(self) -> list[psutil.Process]:
        return [self.web, *self.web.children(recursive=True)]

    def processor(self) -> float:
        """Seconds that all processes have computed for."""
        times = [one.cpu_times() for one in self.processes]
        return sum(one.user + one.system for one in times)

    def busiest(self) -> psutil.Process:
        """The worker that has computed most."""
        return max(self.processes[1:], key=lambda one: one.cpu_times().user)

    def memory(self) -> tuple[float, float, float]:
        """MiB: resident of the web process and of the largest other; of all, shared pages once."""
        infos = [one.memory_full_info() for one in self.processes]
        web, *others = (info.rss / 2**20 for info in infos)
        return web, max(others), sum(info.pss for info in infos) / 2**20


@contextmanager
def served(version: Version) -> Iterator[Server]:
    command = [sys.executable, "-c", SERVE, "serve", "--port", "0", "--model", str(version.package)]
    env = os.environ | {"PYTHONPATH": str(version.checkout / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as running:
        assert running.stdout is not None
        said = running.stdout.readline()  # as soon as it is ready
        try:
            port = int(said.split("http://")[1].split()[0].rsplit(":", 1)[1])
            yield Server(psutil.Process(running.pid), port)
        finally:
            running.terminate()


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Other processes on the processors, which do not pause."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(count)]
    try:
        yield
    finally:
        for one in spinning:
            one.kill()
            one.wait()


def loading(
    server: Server, scans: Path, clients: int, seconds: float, slow: int = 0
) -> "subprocess.Popen[str]":
    command = [sys.executable, str(HERE.with_name("load.py")), str(server.port), str(scans)]
    command += ["--clients", str(clients), "--seconds", str(seconds), "--slow", str(slow)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def loaded(server: Server, scans: Path, clients: int, seconds: float, slow: int = 0) -> list[Reply]:
    said = loading(server, scans, clients, seconds, slow).communicate()[0]
    return [(begun, took, status) for begun, took, status in loads(said)]


@dataclass(frozen=True)
class Turn:
    """One load: answers a second, processor ms an answer, latencies in ms, failures."""

    rate: float
    processor: float
    p50: float
    p99: float
    failed: int


def turn(server: Server, scans: Path, clients: int, seconds: float) -> Turn:
    before = server.processor()
    replies = loaded(server, scans, clients, seconds)
    each = 1000 * (server.processor() - before) / len(replies)
    return Turn(throughput(replies, seconds), each, *latencies(replies), failures(replies))


def throughput(replies: Sequence[Reply], seconds: float) -> float:
    start = min(begun for begun, _, _ in replies)
    ends = [begun + took - start for begun, took, status in replies if status == 200]
    return sum(WARM <= end < seconds for end in ends) / (seconds - WARM)


def latencies(replies: Sequence[Reply]) -> tuple[float, float]:
    """Median and 99th percentile, ms."""
    p50, p99 = np.percentile([took for _, took, _ in replies], [50, 99])
    return 1000 * float(p50), 1000 * float(p99)


def failures(replies: Sequence[Reply]) -> int:
    return sum(status != 200 for _, _, status in replies)


def compare(versions: list[Version], scans: Path, rounds: int, seconds: float) -> None:
    """Clients, alone and beside a busy process, the servers in turns."""
    print("| beside | clients | server | answers/s | of before | processor, ms an answer |", end="")
    print(" p50, ms | p99, ms | failed |\n|---|---|---|---|---|---|---|---|---|")
    with ExitStack() as stack:
        servers = {one.name: stack.enter_context(served(one)) for one in versions}
        for others in (0, 1):
            for clients in CLIENTS:
                with busy(others):
                    found = [
                        {name: turn(one, scans, clients, seconds) for name, one in servers.items()}
                        for _ in range(rounds)
                    ]
                for name in servers:
                    _print_row("a busy process" if others else "nothing", clients, name, found)


def _print_row(beside: str, clients: int, name: str, found: list[dict[str, Turn]]) -> None:
    first = next(iter(found[0]))
    turns = [turns[name] for turns in found]
    ratio = median(turns[name].rate / turns[first].rate for turns in found)
    middle: Callable[[str], float] = lambda key: median(getattr(one, key) for one in turns)  # noqa: E731
    print(
        f"| {beside} | {clients} | {name} | {middle('rate'):.1f} | {ratio:.2f}"
        f" | {middle('processor'):.1f} | {middle('p50'):.0f} | {middle('p99'):.0f}"
        f" | {sum(one.failed for one in turns)} |",
        flush=True,
    )


def start(version: Version, scans: Path) -> float:
    """Seconds from the start to the first answer."""
    begun = time.time()
    with served(version) as server:
        first = loaded(server, scans, 1, 0.01)[0]
        return first[0] + first[1] - begun


def lasting(version: Version, scans: Path, requests: int, seconds: float) -> None:
    """Memory, slow clients, a worker that is killed, large images beside small ones."""
    with served(version) as server, tempfile.TemporaryDirectory() as folder:
        loaded(server, scans, 1, 0.01)
        memory = [("after the first answer", server.memory())]
        sent = 0
        while sent < requests:
            sent += len(loaded(server, scans, 64, seconds))
        memory.append((f"after {sent} more", server.memory()))
        write_large(next(iter(sorted(scans.iterdir()))), Path(folder))
        quiet = loaded(server, scans, 4, seconds)
        beside = beside_large(server, scans, Path(folder), seconds)
        slowed = loaded(server, scans, 4, seconds, slow=4)
        Timer(seconds / 3, lambda: server.busiest().kill()).start()
        killed = loaded(server, scans, 4, seconds)
        memory.append(("at the end", server.memory()))
    for words, (web, largest, whole) in memory:
        print(f"| {version.name} | {words} | {web:.0f} | {largest:.0f} | {whole:.0f} |")
    _print_latencies(
        version.name,
        {
            "alone": quiet,
            "beside one that sends 40 megapixels": beside,
            "beside 4 that send a byte a second": slowed,
            "worker killed in the middle": killed,
        },
    )


def _print_latencies(name: str, loads: dict[str, list[Reply]]) -> None:
    print("\n| server | 4 clients | requests | failed | p50, ms | p99, ms | longest, s |", end="")
    print("\n|---|---|---|---|---|---|---|")
    for words, replies in loads.items():
        p50, p99 = latencies(replies)
        longest = max(took for _, took, _ in replies)
        print(
            f"| {name} | {words} | {len(replies)} | {failures(replies)} | {p50:.0f} | {p99:.0f}"
            f" | {longest:.1f} |"
        )


def beside_large(server: Server, scans: Path, large: Path, seconds: float) -> list[Reply]:
    """Replies to small images while one client sends large ones."""
    with loading(server, large, 1, seconds + 1) as other:
        time.sleep(1)
        replies = loaded(server, scans, 4, seconds)
        found = loads(other.communicate()[0])
    if failures(found):
        raise RuntimeError(f"{failures(found)} of {len(found)} large images failed")
    return replies


def write_large(scan: Path, folder: Path) -> None:
    image = cv2.imread(str(scan), cv2.IMREAD_GRAYSCALE)
    image = cv2.resize(image, (LARGE_SIDE, LARGE_SIDE))
    noise = np.random.default_rng(0).integers(0, 8, image.shape, np.uint8)
    cv2.imwrite(str(folder / "large.png"), cv2.add(image, noise))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("scans", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--before-package", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--requests", type=int, default=3000)
    given = parser.parse_args()
    versions = [Version("now", HERE.parents[1], given.package)]
    if given.before:
        versions.insert(0, Version("before", given.before, given.before_package or given.package))
    print(f"{machine()}\n")
    compare(versions, given.scans, given.rounds, given.seconds)
    print()
    for _ in range(2):  # only the second start finds all files in memory
        taken = {one.name: start(one, given.scans) for one in versions}
    for name, seconds in taken.items():
        print(f"Start to first answer, {name}: {seconds:.1f} s.\n")
    for one in versions:
        print("| server | MiB | web process | largest other | all, shared once |", end="")
        print("\n|---|---|---|---|---|")
        lasting(one, given.scans, given.requests, given.seconds)
        print(flush=True)


def machine() -> str:
    name = platform.processor() or platform.machine()
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({name}), {platform.system()}, load {load:.1f} before the run."


if __name__ == "__main__":
    main()
