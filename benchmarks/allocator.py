"""Training steps with freed memory used again, and with glibc's own way of giving it back.

    python benchmarks/allocator.py NETWORK.keras --side 192 --rounds 3

Each way trains the same saved backbone in a process of its own; they take turns.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from normalisation import BATCH, CLASSES, learner

from scanvote.core import backend

STEPS = 10
WAYS = {"given back": "glibc's way", "kept": "used again"}


def measure(network: Path, side: int, way: str) -> dict[str, float]:
    """Seconds, processor seconds and page faults of a step."""
    if way == "given back":
        backend.keep_freed_memory = lambda: None
    backend.use_backend("tensorflow")
    random = np.random.default_rng(0)
    scans = random.integers(0, 256, (BATCH, side, side, 3)).astype("float32")
    targets = np.eye(CLASSES, dtype="float32")[random.integers(0, CLASSES, BATCH)]
    model = learner(network, fused=True)
    model.train_on_batch(scans, targets)  # builds the graph
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(STEPS):
        model.train_on_batch(scans, targets)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall": (time.perf_counter() - started) / STEPS,
        "user": (after.ru_utime - before.ru_utime) / STEPS,
        "kernel": (after.ru_stime - before.ru_stime) / STEPS,
        "faults": (after.ru_minflt - before.ru_minflt) / STEPS,
        "peak": after.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", type=Path)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help="measure this one in this process")
    args = parser.parse_args()
    if args.way:
        print(json.dumps(measure(args.network, args.side, args.way)))
        return
    found = {way: [] for way in WAYS}
    for _ in range(args.rounds):
        for way, steps in found.items():
            child = [sys.executable, *sys.argv, "--way", way]
            steps.append(json.loads(subprocess.run(child, stdout=-1, check=True).stdout))
    print("| freed memory | s a step | user s | kernel s | page faults | peak, MiB |")
    print("|---|---|---|---|---|---|")
    for way, steps in found.items():
        told = {name: statistics.median(step[name] for step in steps) for name in steps[0]}
        print(
            f"| {WAYS[way]} | {told['wall']:.2f} | {told['user']:.2f} | {told['kernel']:.2f}"
            f" | {told['faults']:,.0f} | {told['peak']:,.0f} |"
        )


if __name__ == "__main__":
    main()
