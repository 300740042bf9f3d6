"""Neighbour search: scanvote's multi-index hashing, brute force, and faiss's binary indexes.

    python benchmarks/neighbours.py [--hashes FILE.npy] [--faiss PYTHON] [--most 1e6]

Hashes are drawn uniformly, with near ones planted, and, where a file of real ones (uint64)
is given, resampled from it with up to 30 % of their bits turned over. faiss is no
dependency: PYTHON is an interpreter that has it. Every search runs in a process of its own,
on 2 threads. Up to 1e5 hashes the pairs must be those of brute force, one for one; beyond,
those of 500 rows drawn at random. Markdown on standard output.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measure import peak_memory

THREADS = 2
PLANTED = 100
"""One hash in so many is a near copy of another one."""
FAISS = """
import sys, time
import faiss, numpy as np
path, out, distance, kind = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
faiss.omp_set_num_threads(2)
hashes = np.load(path)
codes = hashes.view(np.uint8).reshape(-1, 8)
start = time.perf_counter()
if kind == "flat":
    index = faiss.IndexBinaryFlat(64)
elif kind == "hash":
    index = faiss.IndexBinaryHash(64, 16)
    index.nflip = distance  # else it misses some
else:
    index = faiss.IndexBinaryMultiHash(64, 4, 16)
    index.nflip = distance // 4
index.add(codes)
keys = []
for first in range(0, len(codes), 16384):
    limits, _, found = index.range_search(codes[first : first + 16384], distance + 1)
    rows = np.repeat(np.arange(len(limits) - 1), np.diff(limits).astype(np.int64)) + first
    above = rows < found
    keys.append(rows[above] * len(codes) + found[above])
keys = np.unique(np.concatenate(keys))
print(time.perf_counter() - start)
np.save(out, keys)
"""


def uniform(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    copies = count // PLANTED
    turned = np.argsort(rng.random((copies, 64)), axis=1) < rng.integers(0, 11, (copies, 1))
    flips = np.packbits(turned, axis=1).view(np.uint64)[:, 0]
    hashes[-copies:] = hashes[rng.integers(0, count - copies, copies)] ^ flips
    return hashes


def clustered(real: np.ndarray, count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    flips = np.empty(count, np.uint64)
    for first in range(0, count, 100_000):
        part = flips[first : first + 100_000]
        turned = rng.random((len(part), 64)) < rng.uniform(0, 0.3, (len(part), 1))
        part[:] = np.packbits(turned, axis=1).view(np.uint64)[:, 0]
    return real[rng.integers(0, len(real), count)] ^ flips


def brute_force(hashes: np.ndarray, distance: int, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Keys i · n + j of the near pairs of `rows` with all."""
    for row in rows.tolist():
        near = np.flatnonzero(np.bitwise_count(hashes ^ hashes[row]) <= distance)
        near = near[near != row]
        yield np.minimum(near, row) * len(hashes) + np.maximum(near, row)


def search(path: Path, out: Path, distance: int, how: str) -> None:
    """Write the keys of all near pairs to `out` and print the seconds."""
    from scanvote.pipeline.deduplicate.hamming import pairs_within

    hashes = np.load(path)
    start = time.perf_counter()
    if how == "brute":
        found = list(brute_force(hashes, distance, np.arange(len(hashes))))
    elif how == "count":  # what deduplicate does: each part is looked at and let go
        found = [np.array([sum(len(i) for i, _ in pairs_within(hashes, distance, THREADS))])]
    else:
        found = [i * len(hashes) + j for i, j in pairs_within(hashes, distance, THREADS)]
    keys = np.unique(np.concatenate(found))
    print(time.perf_counter() - start)
    np.save(out, keys)


def compare(name: str, hashes: np.ndarray, distance: int, faiss: str | None) -> None:
    count = len(hashes)
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "hashes.npy"), Path(folder, "keys.npy")
        np.save(path, hashes)
        ours = [sys.executable, __file__, "--search"]
        runs = {"scanvote": [*ours, "keys"], "scanvote, streamed": [*ours, "count"]}
        if count <= 1e5:
            runs["brute force, one thread"] = [*ours, "brute"]
        if faiss:
            flat = {"faiss flat": "flat"} if count <= 1e5 else {}
            hashed = {"faiss hash": "hash"} if distance <= 4 and count <= 1e4 else {}
            multi = {"faiss multi-hash": "multi"} if count <= 1e5 or distance <= 4 else {}
            for what, kind in (flat | hashed | multi).items():
                runs[what] = [faiss, "-c", FAISS, kind]
        expected = sample(hashes, distance)
        for what, command in runs.items():
            arguments = [str(path), str(out), str(distance)]
            kind = command.pop()
            seconds, peak = run([*command, *arguments, kind])
            keys = np.load(out)
            recall = "" if kind == "count" else f"{share(expected, keys, hashes, distance):.4f}"
            pairs = int(keys[0]) if kind == "count" else len(keys)
            print(
                f"| {name} | {count:,} | {distance} | {what} | {seconds:.2f} "
                f"| {peak / 2**20:,.0f} | {pairs:,} | {recall} |",
                flush=True,
            )


def run(command: list[str]) -> tuple[float, int]:
    """Seconds of the search alone, as it prints them, and the peak of its process."""
    with tempfile.NamedTemporaryFile("r") as said:
        shell = ["bash", "-c", 'out=$1; shift; exec "$@" > "$out"', "run", said.name, *command]
        _, peak = peak_memory(shell)
        return float(said.read().split()[-1]), peak


def sample(hashes: np.ndarray, distance: int) -> np.ndarray:
    """Keys of the pairs of 500 rows, half of them at the end where near ones are planted."""
    rng = np.random.default_rng(1)
    half = len(hashes) // PLANTED
    rows = np.concatenate(
        [rng.integers(0, len(hashes), 250), rng.integers(len(hashes) - half, len(hashes), 250)]
    )
    if len(hashes) <= 1e5:
        rows = np.arange(len(hashes))
    return np.unique(np.concatenate(list(brute_force(hashes, distance, rows))))


def share(expected: np.ndarray, keys: np.ndarray, hashes: np.ndarray, distance: int) -> float:
    """Recall; what is found must be near too."""
    i, j = keys // len(hashes), keys % len(hashes)
    assert (np.bitwise_count(hashes[i] ^ hashes[j]) <= distance).all()
    return float(np.isin(expected, keys).mean()) if len(expected) else 1.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hashes", type=Path)
    parser.add_argument("--faiss", metavar="PYTHON")
    parser.add_argument("--most", type=float, default=1e6)
    parser.add_argument("--search", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.search:
        path, out, distance, how = asked.search
        search(Path(path), Path(out), int(distance), how)
        return
    has = asked.faiss and not subprocess.run([asked.faiss, "-c", "import faiss"]).returncode
    if not has:
        print("faiss is left out: name an interpreter with it, --faiss PYTHON", file=sys.stderr)
    real = np.load(asked.hashes) if asked.hashes else None
    print("| hashes | n | bits | what | seconds | peak memory, MiB | pairs | recall |")
    print("|---|---|---|---|---|---|---|---|")
    for count in (10**4, 10**5, 10**6):
        for distance in (4, 10):
            if count <= asked.most:
                compare("uniform", uniform(count), distance, asked.faiss if has else None)
                if real is not None:
                    made = clustered(real, count)
                    compare("as real MRI", made, distance, asked.faiss if has else None)


if __name__ == "__main__":
    main()
