"""Copies: which altered copies of known slices the rule finds, and which its peers find.

    python benchmarks/copies.py TREE TABLE [--imagededup PYTHON] [--cleanvision PYTHON]
        [--fastdup PYTHON] > benchmarks/copies.md

TREE is the unpacked archive of the 4-class brain MRI set (it holds the folder `Training`).
TABLE has the columns path (within TREE) and slice: scans of one number show one slice. The
first scan of each number is taken, and of a hundred slices for each kind of alteration a
copy is made. The peers are no dependencies: each PYTHON is an interpreter that has one.
Seconds are of one run each, without the start of the interpreter. Markdown on standard output.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from copies_peers import PEERS

from scanvote.core.files import sha256
from scanvote.params import load_params
from scanvote.pipeline.deduplicate.fingerprints import fingerprints
from scanvote.pipeline.deduplicate.pair_search import pairs_by_correlation, pairs_by_registration
from scanvote.pipeline.deduplicate.pairs import (
    as_pairs,
    concat_pairs,
    connected_components,
    equal_pairs,
)

EACH = 100
"""Copies of a kind."""
SEED = 2021
ENDINGS = {".jpg", ".png"}
Image = np.ndarray
Found = set[tuple[str, str]]
"""Pairs of file names, below the folder searched, each in alphabetical order."""


def smaller(image: Image, number: int) -> Image:
    return cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)


def brighter(image: Image, number: int) -> Image:
    return np.rint(255 * (image / 255.0) ** 0.8).astype(np.uint8)


def cut(image: Image, number: int) -> Image:
    down, across = (round(0.03 * side) for side in image.shape[:2])
    return image[down:-down, across:-across]


def turned(image: Image, number: int) -> Image:
    """By 2 degrees, to the left and to the right in turn."""
    high, wide = image.shape[:2]
    turn = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), 4 * (number % 2) - 2, 1)
    return cv2.warpAffine(image, turn, (wide, high))


KINDS: dict[str, tuple[str, Callable[[Image, int], Image]]] = {
    "JPEG 40": ("jpg", lambda image, number: image),
    "size 60 %": ("png", smaller),
    "gamma 0.8": ("png", brighter),
    "3 % margins cut": ("png", cut),
    "turned 2°": ("png", turned),
}


@dataclass(frozen=True)
class Row:
    """What one rule found among the altered copies and among the scans as they are."""

    name: str
    altered: Found
    whole: Found
    seconds: float


def make_set(tree: Path, table: Path, folder: Path) -> None:
    """Write ``<slice>.jpg`` for each known slice and ``<slice>-<kind>.<ending>`` for copies."""
    known = pd.read_csv(table, dtype=str)
    known = known[known["path"].str.startswith("Training/")].drop_duplicates("slice")
    for row in known.itertuples():
        shutil.copyfile(tree / str(row.path), folder / f"{row.slice}.jpg")
    order = np.random.default_rng(SEED).permutation(known["slice"].to_numpy())
    for kind, (ending, change) in enumerate(KINDS.values()):
        for number, name in enumerate(order[kind * EACH : (kind + 1) * EACH]):
            image = change(cv2.imread(str(folder / f"{name}.jpg")), number)
            settings = [cv2.IMWRITE_JPEG_QUALITY, 40] if ending == "jpg" else []
            cv2.imwrite(str(folder / f"{name}-{kind}.{ending}"), image, settings)


def ours(folder: Path, registration: bool) -> tuple[Found, float]:
    """Pairs of the rule of `params.yaml`, and the seconds of fingerprints and pairs."""
    start, params = time.perf_counter(), load_params().deduplicate
    paths = sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS)
    prints = fingerprints(paths)
    exact = equal_pairs([sha256(path) for path in paths])
    pairs = concat_pairs(exact, pairs_by_correlation(prints, params))
    if registration:
        unknown = pd.DataFrame({"series": [""] * len(paths)})
        pairs = concat_pairs(pairs, pairs_by_registration(unknown, prints, pairs, params.aligned))
    seconds = time.perf_counter() - start
    names = [str(path.relative_to(folder)) for path in paths]
    return ordered((names[i], names[j]) for i, j in zip(*pairs, strict=True)), seconds


def ours_rows(altered: Path, whole: Path) -> list[Row]:
    rows = []
    for name, registration in (("scanvote, `aligned: null`", False), ("scanvote", True)):
        found, seconds = ours(altered, registration)
        rows.append(Row(name, found, ours(whole, registration)[0], seconds))
    return rows


def peer_rows(python: str, code: str, altered: Path, whole: Path) -> list[Row]:
    """A row for each threshold that the code of the peer prints."""
    one, other = (peer_found(python, code, folder) for folder in (altered, whole))
    return [Row(name, one[name][0], other[name][0], one[name][1]) for name in one]


def peer_found(python: str, code: str, folder: Path) -> dict[str, tuple[Found, float]]:
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch, "answer.json")
        command = [python, "-c", code, str(folder), str(answer)]
        quiet = os.environ | {"SENTRY_OPT_OUT": "1"}  # fastdup's reports of its use
        done = subprocess.run(command, capture_output=True, text=True, cwd=scratch, env=quiet)
        if done.returncode:
            raise RuntimeError(f"{python} failed: {done.stderr.strip()[-500:]}")
        told = json.loads(answer.read_text())
    return {
        name: (ordered((relative(i, folder), relative(j, folder)) for i, j in pairs), seconds)
        for name, seconds, pairs in told
    }


def relative(name: str, folder: Path) -> str:
    path = Path(name)
    return str(path.relative_to(folder)) if path.is_absolute() else name


def ordered(pairs: Iterable[tuple[str, str]]) -> Found:
    return {(min(pair), max(pair)) for pair in pairs}


def true_pairs(folder: Path) -> dict[tuple[str, str], str]:
    """Each pair of files of one slice, with the kind of its copy."""
    slices: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir()):
        slices.setdefault(path.stem.split("-")[0], []).append(path.name)
    kinds = list(KINDS)
    pairs = ordered(pair for files in slices.values() for pair in combinations(files, 2))
    return {pair: kinds[int(max(pair, key=len).split("-")[1][0])] for pair in pairs}


def largest_cluster(found: Found) -> int:
    names = sorted({name for pair in found for name in pair})
    at = {name: place for place, name in enumerate(names)}
    component = connected_components(
        len(names), as_pairs([(at[i], at[j]) for i, j in sorted(found)])
    )
    return max(Counter(component.tolist()).values(), default=1)


def line(row: Row, truth: dict[tuple[str, str], str]) -> str:
    right = row.altered & truth.keys()
    kinds = Counter(truth[pair] for pair in right)
    precision = len(right) / len(row.altered) if row.altered else 1.0
    cells = [f"{precision:.3f}", f"{len(right) / len(truth):.2f}", *(kinds[kind] for kind in KINDS)]
    cells += [largest_cluster(row.whole), f"{row.seconds:.1f}"]
    return f"| {row.name} | {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tree", type=Path)
    parser.add_argument("table", type=Path)
    for peer in PEERS:
        parser.add_argument(f"--{peer}", metavar="PYTHON")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        altered, whole = Path(folder), asked.tree.absolute() / "Training"
        make_set(asked.tree, asked.table, altered)
        truth = true_pairs(altered)
        files = len(list(altered.iterdir()))
        print(f"{files:,} files, {len(truth)} true pairs.\n")
        print(f"| rule | precision | recall | {' | '.join(KINDS)} | largest cluster | s |")
        print("|---" * (5 + len(KINDS)) + "|")
        rows = ours_rows(altered, whole)
        for peer, code in PEERS.items():
            python = getattr(asked, peer)
            if python is None:
                print(f"{peer} is left out: name its interpreter", file=sys.stderr)
                continue
            rows += peer_rows(python, code, altered, whole)
        for row in rows:
            print(line(row, truth))


if __name__ == "__main__":
    main()
