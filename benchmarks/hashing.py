"""Hashing: against another checkout, decoding alone, imagehash in a loop, and imagededup.

    python benchmarks/hashing.py FOLDER ... [--against CHECKOUT] [--imagededup PYTHON]
        [--processes 1 2] > benchmarks/hashing.md

FOLDER holds images, at any depth. Ours decodes, hashes, crops, and takes two thumbnails of
each; imagehash and imagededup's PHash hash only. CHECKOUT is another commit of this
repository (`git worktree add`). imagededup is no dependency: PYTHON is an interpreter that
has it. Each runs in a process of its own, whose start is left out; times are the best of
three rounds, in which all take turns. With one process they are processor time, which other
work on the machine changes less, with more the time that passes. Markdown on standard output.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import peak_memory

from scanvote.core.parallel import parallel_map
from scanvote.images.decode import decode_image
from scanvote.pipeline.deduplicate.fingerprints import fingerprints

ENDINGS = {".jpg", ".jpeg", ".png", ".tif"}
ROUNDS = 3
HERE = Path(__file__).parents[1]
THEIRS = """
import os, sys, time
from imagededup.methods import PHash
workers = int(sys.argv[2])
# its worker is another process
clock = time.perf_counter if workers else lambda: sum(os.times()[:4])
start = clock()
PHash(verbose=False).encode_images(
    image_dir=sys.argv[1], recursive=True, num_enc_workers=workers
)
print(clock() - start)
"""
"""Of imagededup: seconds for a folder and so many processes, of which 0 is its own."""


@dataclass(frozen=True)
class Peer:
    """A row: what it is called, and the command that prints the seconds of one pass."""

    name: str
    command: Sequence[str]
    checkout: Path = HERE

    def seconds(self) -> float:
        """Of one pass.

        Raises:
            RuntimeError: the command failed.
        """
        known = os.environ | {"PYTHONPATH": str(self.checkout / "src")}
        done = subprocess.run(self.command, capture_output=True, text=True, env=known)
        if done.returncode:
            raise RuntimeError(f"{self.name} failed: {done.stderr.strip()[-500:]}")
        return float(done.stdout.split()[-1])


def images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)


def decode_all(paths: list[Path], processes: int) -> None:
    parallel_map(decoded, paths, "", processes)


def decoded(path: Path) -> int:
    return decode_image(path).size


def fingerprint_all(paths: list[Path], processes: int) -> None:
    fingerprints(paths, processes)


def imagehash_loop(paths: list[Path], processes: int) -> None:
    import imagehash
    from PIL import Image

    for path in paths:
        with Image.open(path) as image:
            imagehash.phash(image)


PASSES = {"decode": decode_all, "fingerprints": fingerprint_all, "imagehash": imagehash_loop}


def peers(
    folder: Path, processes: int, against: Path | None, imagededup: str | None
) -> dict[str, Peer]:
    """The rows by key; the others' only where they are at hand."""

    def own(name: str, key: str, checkout: Path = HERE) -> Peer:
        command = [sys.executable, __file__, "--once", key, str(processes), str(folder)]
        return Peer(name, command, checkout)

    rows = {
        "decode": own("decode alone", "decode"),
        "ours": own("scanvote: hash and two thumbnails", "fingerprints"),
    }
    if against:
        rows["against"] = own(f"the same at {commit(against)}", "fingerprints", against)
    if imagededup:
        workers = "0" if processes == 1 else str(processes)
        command = [imagededup, "-c", THEIRS, str(folder), workers]
        rows["imagededup"] = Peer("imagededup, PHash", command)
    if processes == 1:
        rows["imagehash"] = own("imagehash, loop", "imagehash")
    return rows


def commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def compare(folder: Path, rows: dict[str, Peer], processes: int) -> None:
    count = len(images(folder))
    taken = [{key: row.seconds() for key, row in rows.items()} for _ in range(ROUNDS)]
    best = {key: min(one[key] for one in taken) for key in rows}
    for key, row in rows.items():
        cells = [row.name, f"{count / best[key]:,.0f}", f"{best['decode'] / best[key]:.2f}"]
        cells += [f"{best[key] / best['ours']:.2f}"]
        print(f"| {folder.name}, {count:,} | {processes} | {' | '.join(cells)} |", flush=True)


def memory(folder: Path, counts: Sequence[int]) -> None:
    for processes in counts:
        once = ["--once", "fingerprints", str(processes), str(folder)]
        seconds, peak = peak_memory([sys.executable, __file__, *once])
        count = len(images(folder))
        print(f"| {count:,} | {processes} | {seconds:.1f} | {peak / 2**20:,.0f} |")


def once(key: str, processes: int, folder: Path) -> None:
    """Print the seconds of one pass; a first image before it loads what is loaded once."""
    paths = images(folder)
    PASSES[key](paths[:1], 1)
    clock = time.process_time if processes == 1 else time.perf_counter
    start = clock()
    PASSES[key](paths, processes)
    print(clock() - start)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--against", metavar="CHECKOUT", type=Path)
    parser.add_argument("--imagededup", metavar="PYTHON")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--once", nargs=2, metavar=("WHAT", "PROCESSES"))
    asked = parser.parse_args()
    if asked.once:
        once(asked.once[0], int(asked.once[1]), asked.folders[0])
        return
    if asked.imagededup is None:
        print("imagededup is left out: name its interpreter, --imagededup PYTHON", file=sys.stderr)
    print("| set, images | processes | what | images/s | of decode alone | ours is faster by |")
    print("|---|---|---|---|---|---|")
    for folder in asked.folders:
        for processes in asked.processes:
            compare(folder, peers(folder, processes, asked.against, asked.imagededup), processes)
    print("\n| images | processes | seconds with start | peak memory, MiB |\n|---|---|---|---|")
    for folder in asked.folders:
        memory(folder, asked.processes)


if __name__ == "__main__":
    main()
