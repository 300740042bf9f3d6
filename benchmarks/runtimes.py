"""`scanvote predict` beside an older checkout, and the networks in each runtime, in one run.

    python benchmarks/runtimes.py CHECKOUT PACKAGE_BEFORE PACKAGE SCANS [--files 1000] [--rounds 5]
        [--pythons BEFORE NOW]

CHECKOUT is a folder with the older scanvote, PACKAGE_BEFORE a package that it reads, PACKAGE that
of here, SCANS a folder of images. The sides take turns: one file; then as many files as asked for,
the scans again and again under other names, with their masks. `--pythons` names the interpreters of
two environments, whose sizes are compared too; else both sides run with the one of this script.
Last come the networks of PACKAGE one by one, in Keras and ONNX Runtime, one process each time.

The medians of the rounds, ours over those of CHECKOUT; the processor time is of the whole command,
its start included. Prints Markdown.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

ROOT = Path(__file__).parents[1]
START = "from scanvote.cli import app; app()"
NETWORKS = """
import json, sys, time
from pathlib import Path
import numpy as np
from scanvote.pipeline.package import load_package

package, found = load_package(Path(sys.argv[1]), sys.argv[2]), {}
parts = []
if package.classifiers:
    parts.append((package.classifiers.contents, 1, package.classifiers.members))
if package.segmenters:
    contents = package.segmenters.contents
    parts.append((contents, 2 * contents.context + 1, package.segmenters.unets))
names = iter(files.model for files in package.contents.networks)
for contents, slices, networks in parts:
    size, channels = contents.prepare.image_size, contents.prepare.channels * slices
    scans = np.random.default_rng(0).integers(0, 256, (32, size, size, channels), np.uint8)
    for network in networks:
        name = next(names)
        for count in (1, 32):
            network.predict(scans[:count])  # the first call is slow
            done, start = 0, time.perf_counter()
            while time.perf_counter() - start < 2:
                network.predict(scans[:count])
                done += count
            rate = done / (time.perf_counter() - start)
            found[f"{name}, {size} px, {count} at a time"] = rate
print(json.dumps(found))
"""


class Side(NamedTuple):
    """A checkout of scanvote with a package that it reads, and the Python that runs it."""

    checkout: Path
    package: Path
    python: Path

    def run(self, *command: str, text: bool = False) -> "subprocess.Popen[str]":
        alien = ("DVC_", "MLFLOW_", "PYTHON")
        plain = {key: value for key, value in os.environ.items() if not key.startswith(alien)}
        own = {"PYTHONPATH": str(self.checkout / "src"), "TF_CPP_MIN_LOG_LEVEL": "3"}
        return subprocess.Popen(
            [self.python, *command],
            env=plain | own,
            stdout=subprocess.PIPE if text else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if text else subprocess.PIPE,
            text=True,
        )

    def predict(self, *words: str) -> tuple[float, float]:
        """Run the command to its end: seconds on the clock, and of the processors."""
        start = time.perf_counter()
        command = ("-c", START, "predict", *words, "--model", str(self.package))
        with tempfile.TemporaryFile("w+") as said, self.run(*command) as running:
            assert running.stderr is not None
            said.write(running.stderr.read())  # until it ends
            _, status, used = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
            if running.returncode:
                said.seek(0)
                raise RuntimeError(f"predict in {self.checkout} failed: {said.read()[-500:]}")
        return time.perf_counter() - start, used.ru_utime + used.ru_stime

    def rates(self, runtime: str) -> dict[str, float]:
        """Scans per second of each network."""
        with self.run("-c", NETWORKS, str(self.package), runtime, text=True) as running:
            text, _ = running.communicate()
        if running.returncode:
            raise RuntimeError(f"the networks failed in {runtime}")
        return dict(json.loads(text.splitlines()[-1]))


def linked(scans: Path, count: int, folder: Path) -> Path:
    """A folder of so many names for the files in `scans`."""
    folder.mkdir()
    files = sorted(path for path in scans.rglob("*") if path.is_file())
    for number, file in enumerate(islice(cycle(files), count)):
        (folder / f"{number:05}{file.suffix}").symlink_to(file.resolve())
    return folder


def commands(scans: Path, count: int, work: Path) -> Iterator[tuple[str, list[str]]]:
    one = min(path for path in scans.rglob("*") if path.is_file())
    yield f"`scanvote predict {one.name}`", [str(one)]
    many = linked(scans, count, work / "scans")
    words = [str(many), "--masks", str(work / "masks"), "--out", str(work / "table.csv")]
    yield f"`scanvote predict` of {count:,} files with masks", words


def mebibytes(environment: Path) -> float:
    done = subprocess.run(["du", "-sm", environment], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[0])


def row(what: str, before: float, now: float) -> str:
    return f"| {what} | {before:,.3g} | {now:,.3g} | {now / before:.2f} |"


def main(
    checkout: Path,
    package_before: Path,
    package: Path,
    scans: Path,
    files: Annotated[int, typer.Option(min=1)] = 1000,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    pythons: Annotated[tuple[Path, Path] | None, typer.Option(metavar="BEFORE NOW")] = None,
) -> None:
    older, newer = pythons or (Path(sys.executable), Path(sys.executable))
    before = Side(checkout.absolute(), package_before.absolute(), older.absolute())
    now = Side(ROOT, package.absolute(), newer.absolute())
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    print("| what | before | now | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, words in commands(scans.absolute(), files, Path(folder)):
            took = defaultdict(list)
            for _ in range(rounds):
                for side in (before, now):
                    took[side].append(side.predict(*words))
            for place, unit in enumerate(("s", "processor s")):
                medians = [statistics.median(one[place] for one in took[s]) for s in (before, now)]
                print(row(f"{name}, {unit}", *medians), flush=True)
    if pythons:
        sizes = [mebibytes(one.parents[1]) for one in (before.python, now.python)]
        print(row("environment, MiB", *sizes))
    print("\n| network, scans/s | Keras | ONNX Runtime | ratio |\n|---|---|---|---|")
    here = now._replace(python=Path(sys.executable))  # which has both runtimes
    both = here.rates("keras"), here.rates("onnx")
    for name in both[0]:
        print(row(name, both[0][name], both[1][name]))


if __name__ == "__main__":
    typer.run(main)
