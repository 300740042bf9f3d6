"""serving: the server under load, against the package asked about the same scans in memory.

    python benchmarks/serving.py PACKAGE SCANS [--rounds 3] [--seconds 12] > benchmarks/serving.md

SCANS is a folder of images. The server, the load (`load.py`) and what it is compared with are
processes of their own on one machine. Each round asks the package directly just before each load,
and ratios are of these pairs. Prints Markdown.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from load import Reply

HERE = Path(__file__)
WARM = 2.0
"""Seconds of each load that do not count: the clients come in step with the batches."""
DIRECT = 256
"""Scans that the package is asked about at once."""
MANY = 2000
"""Requests between two looks at the memory."""


@dataclass
class Server:
    """Web process and worker, and where they listen."""

    web: psutil.Process
    port: int

    @property
    def worker(self) -> psutil.Process:
        """The largest child: multiprocessing has one more, to tidy up."""
        return max(self.web.children(), key=lambda one: one.memory_info().rss)

    def processor(self) -> float:
        """Seconds that both have computed for."""
        times = [one.cpu_times() for one in (self.web, self.worker)]
        return sum(one.user + one.system for one in times)

    def mebibytes(self) -> tuple[float, float]:
        """Resident, of web process and worker."""
        web, worker = (one.memory_info().rss / 2**20 for one in (self.web, self.worker))
        return web, worker


@contextmanager
def served(package: Path, batch: int) -> Iterator[Server]:
    command = [sys.executable, str(HERE), "serve", str(package), str(batch)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = running.stdout.readline()  # as soon as it is ready
        try:
            port = int(said.split("http://")[1].split()[0].rsplit(":", 1)[1])
            yield Server(psutil.Process(running.pid), port)
        finally:
            running.terminate()


def serve(package: Path, batch: int) -> None:
    from scanvote.serving.engine import EngineOptions
    from scanvote.serving.server import serve as serve_package

    serve_package(package, port=0, engine_options=EngineOptions(batch=batch))


@dataclass
class Direct:
    """The package in a process of its own, asked about scans that are decoded."""

    running: "subprocess.Popen[str]"

    def ask(self) -> tuple[float, float]:
        """Scans a second, and seconds of the processor a scan."""
        assert self.running.stdin is not None
        assert self.running.stdout is not None
        self.running.stdin.write("ask\n")
        self.running.stdin.flush()
        wall, busy = json.loads(self.running.stdout.readline())
        return DIRECT / wall, busy / DIRECT


@contextmanager
def direct(package: Path, scans: Path) -> Iterator[Direct]:
    command = [sys.executable, str(HERE), "direct", str(package), str(scans)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as running:
        found = Direct(running)
        found.ask()
        yield found
        assert running.stdin is not None
        running.stdin.close()


def answer_directly(package: Path, scans: Path) -> None:
    """For each line that is read: the seconds that all scans took, and of the processor."""
    from load import read_files

    from scanvote.inputs.scan import Limits
    from scanvote.serving.engine.model import load_packaged
    from scanvote.serving.engine_api import Upload

    asked = load_packaged(package, Limits(), 32)
    images = [asked.read(Upload(*file))[0].image for file in read_files(scans)]
    images = [images[place % len(images)] for place in range(DIRECT)]
    for _ in sys.stdin:
        wall, busy = time.perf_counter(), time.process_time()
        asked.package.classifiers.probabilities(images)
        asked.package.segmenters.segment(images)
        print(json.dumps([time.perf_counter() - wall, time.process_time() - busy]), flush=True)


def loaded(server: Server, scans: Path, clients: int, seconds: float, slow: int = 0) -> list[Reply]:
    command = [sys.executable, str(HERE.with_name("load.py")), str(server.port), str(scans)]
    command += ["--clients", str(clients), "--seconds", str(seconds), "--slow", str(slow)]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return [(begun, took, status) for begun, took, status in json.loads(found)]


@dataclass(frozen=True)
class Turn:
    """One load: scans a second and processor seconds a scan, each also as a ratio; latencies."""

    rate: float
    of_direct: float
    processor: float
    processor_of_direct: float
    p50: float
    p99: float
    failed: int


def turn(direct: Direct, server: Server, scans: Path, clients: int, seconds: float) -> Turn:
    rate, busy = direct.ask()
    before = server.processor()
    replies = loaded(server, scans, clients, seconds)
    each = (server.processor() - before) / len(replies)
    mine = throughput(replies, seconds)
    p50, p99 = latencies(replies)
    return Turn(mine, mine / rate, each, busy / each, p50, p99, failures(replies))


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


def compare(package: Path, scans: Path, rounds: int, seconds: float) -> None:
    """Clients and batches; at the end the memory."""
    settings = [(clients, batch) for batch in (32, 1) for clients in (1, 8, 64)]
    with direct(package, scans) as alone, served(package, 32) as many, served(package, 1) as one:
        servers = {32: many, 1: one}
        found = {
            setting: [
                turn(alone, servers[setting[1]], scans, setting[0], seconds) for _ in range(rounds)
            ]
            for setting in settings
        }
    print(
        "| clients | most scans a batch | scans/s | of direct | processor, of direct"
        " | p50, ms | p99, ms | failed |\n|---|---|---|---|---|---|---|---|"
    )
    for (clients, batch), turns in found.items():
        middle = {name: median(getattr(one, name) for one in turns) for name in vars(turns[0])}
        print(
            f"| {clients} | {batch} | {middle['rate']:.1f} | {middle['of_direct']:.2f}"
            f" | {middle['processor_of_direct']:.2f} | {middle['p50']:.0f} | {middle['p99']:.0f}"
            f" | {sum(one.failed for one in turns)} |"
        )


def starting(package: Path, scans: Path) -> None:
    """Start to first answer, memory, a slow client, a worker that is killed."""
    begun = time.time()
    with served(package, 32) as server:
        first = loaded(server, scans, 1, 0.01)[0]
        print(f"\nStart to first answer: {first[0] + first[1] - begun:.1f} s.\n")
        rows = [("after the first answer", server.mebibytes())]
        quiet = loaded(server, scans, 8, 10)
        slowed = loaded(server, scans, 8, 10, slow=4)
        rows.append((f"after {len(quiet) + len(slowed)} requests", server.mebibytes()))
        sent = 0
        while sent < MANY:
            sent += len(loaded(server, scans, 64, 20))
        rows.append((f"after {sent} more", server.mebibytes()))
        killed = killing(server, scans)
    print("| memory, MiB | web process | worker |\n|---|---|---|")
    for words, (web, worker) in rows:
        print(f"| {words} | {web:.0f} | {worker:.0f} |")
    print(
        "\n| 8 clients | requests | failed | p50, ms | p99, ms | longest, s |"
        "\n|---|---|---|---|---|---|"
    )
    for words, replies in (
        ("alone", quiet),
        ("beside 4 that send a byte a second", slowed),
        ("worker killed in the middle", killed),
    ):
        p50, p99 = latencies(replies)
        longest = max(took for _, took, _ in replies)
        print(
            f"| {words} | {len(replies)} | {failures(replies)} | {p50:.0f} | {p99:.0f}"
            f" | {longest:.1f} |"
        )


def killing(server: Server, scans: Path) -> list[Reply]:
    from threading import Timer

    Timer(5, lambda: server.worker.kill()).start()
    return loaded(server, scans, 8, 20)


def main() -> None:
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1] == "direct":
        answer_directly(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("package", type=Path)
        parser.add_argument("scans", type=Path)
        parser.add_argument("--rounds", type=int, default=3)
        parser.add_argument("--seconds", type=float, default=12)
        given = parser.parse_args()
        print(f"{machine()}\n")
        compare(given.package, given.scans, given.rounds, given.seconds)
        starting(given.package, given.scans)


def machine() -> str:
    name = platform.processor() or platform.machine()
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({name}), {platform.system()}, load {load:.1f} before the run."


if __name__ == "__main__":
    main()
