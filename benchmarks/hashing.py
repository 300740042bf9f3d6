"""Hashing: against decoding alone, imagehash in a loop, and imagededup's PHash.

    python benchmarks/hashing.py FOLDER ... [--imagededup PYTHON] > benchmarks/hashing.md

FOLDER holds images, at any depth. Ours decodes, hashes, crops, and takes two thumbnails of
each; the others hash only. imagededup is no dependency: PYTHON is an interpreter that has
it. Times are the best of three; Markdown on standard output.
"""

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path

from measure import peak_memory, timed

from scanvote.images.decode import decode_image
from scanvote.images.hashing import fingerprints
from scanvote.parallel import mapped

ENDINGS = {".jpg", ".jpeg", ".png", ".tif"}
REPEATS = 3
THEIRS = """
import sys, time
from imagededup.methods import PHash
best = 1e9
for _ in range(int(sys.argv[3])):
    start = time.perf_counter()
    PHash(verbose=False).encode_images(
        image_dir=sys.argv[1], recursive=True, num_enc_workers=int(sys.argv[2])
    )
    best = min(best, time.perf_counter() - start)
print(best)
"""


def images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)


def decoded(path: Path) -> int:
    return decode_image(path).size


def imagehash_loop(paths: list[Path]) -> None:
    import imagehash
    from PIL import Image

    for path in paths:
        with Image.open(path) as image:
            imagehash.phash(image)


def imagededup(python: str | None, folder: Path, processes: int) -> float | None:
    """Seconds, without the start of the interpreter; None where imagededup is missing."""
    if python is None:
        return None
    workers = 0 if processes == 1 else processes
    command = [python, "-c", THEIRS, str(folder), str(workers), str(REPEATS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1]
        print(f"imagededup is left out: {python} says {last}", file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


def compare(folder: Path, python: str | None) -> None:
    paths = images(folder)
    for processes in (1, 2):
        alone = timed(partial(mapped, decoded, paths, "", processes), REPEATS)
        rows = {
            "decode alone": alone,
            "scanvote: hash and two thumbnails": timed(
                partial(fingerprints, paths, processes), REPEATS
            ),
            "imagededup, PHash": imagededup(python, folder, processes),
        }
        if processes == 1:
            rows["imagehash, loop"] = timed(partial(imagehash_loop, paths), REPEATS)
        for name, seconds in rows.items():
            if seconds is not None:
                rate = f"{len(paths) / seconds:,.0f} | {alone / seconds:.2f}"
                print(f"| {folder.name}, {len(paths):,} | {processes} | {name} | {rate} |")


def memory(folders: list[Path]) -> None:
    for folder in folders:
        for processes in (1, 2):
            command = [sys.executable, __file__, "--only", str(processes), str(folder)]
            seconds, peak = peak_memory(command)
            count = len(images(folder))
            print(f"| {count:,} | {processes} | {seconds:.1f} | {peak / 2**20:,.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--imagededup", metavar="PYTHON")
    parser.add_argument("--only", type=int, help="hash once with so many processes, say nothing")
    asked = parser.parse_args()
    if asked.only:
        fingerprints(images(asked.folders[0]), asked.only)
        return
    if asked.imagededup is None:
        print("imagededup is left out: name its interpreter, --imagededup PYTHON", file=sys.stderr)
    print("| set, images | processes | what | images/s | of decode alone |")
    print("|---|---|---|---|---|")
    for folder in asked.folders:
        compare(folder, asked.imagededup)
    print("\n| images | processes | seconds with start | peak memory, MiB |\n|---|---|---|---|")
    memory(asked.folders)


if __name__ == "__main__":
    main()
