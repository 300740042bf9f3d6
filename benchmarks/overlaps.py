"""Copies across the public data sets: how many scans of one set are in another.

    SCANVOTE_MIRROR=/data/archives python benchmarks/overlaps.py

Joins all sets that the mirror has of a task, as `classification.dataset: [a, b, …]` does, finds
the copies as the stage `deduplicate` does, and counts those between two sets.
"""

import argparse
import tempfile
from itertools import permutations
from pathlib import Path

import pandas as pd

from scanvote.manifest import read_manifest
from scanvote.params import Params, load_params
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.pipeline.download.stage import download

ROOT = Path(__file__).parents[1]
SETS = ("brain_tumor_mri", "brain_tumor_yes_no", "lgg_mri", "chest_xray_pneumonia")


def joined(params: Params, sets: list[str]) -> Params:
    """`params` in which the task of classification has these data sets."""
    section = params.classification.model_copy(update={"dataset": sets, "labels": {}})
    return params.model_copy(update={"classification": section})


def judged(params: Params, folder: Path) -> pd.DataFrame:
    """The manifest of all sets once copies are found."""
    download("classification", params, folder / "raw")
    tables = (ROOT / "data" / name / "classification.csv" for name in ("overrule", "patients"))
    deduplicate(folder / "raw", params.deduplicate, *tables, folder / "out")
    return read_manifest(folder / "out" / "manifest.csv")


def overlaps(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for two sets: how many scans of the one have a copy in the other, by published part."""
    image = frame["duplicate_of"].where(frame["duplicate_of"] != "", frame["scan_id"])
    part = frame["source"] + " " + frame["source_split"].where(frame["source_split"] != "", "")
    held = {name: set(image[part == name]) for name in sorted(set(part))}
    rows = [
        (
            one.strip(),
            other.strip(),
            int((part == one).sum()),
            int(image[part == one].isin(held[other]).sum()),
        )
        for one, other in permutations(held, 2)
    ]
    return pd.DataFrame(rows, columns=["scans of", "with a copy in", "scans", "copies"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    sets = parser.parse_args().sets
    with tempfile.TemporaryDirectory() as folder:
        frame = judged(joined(load_params(), sets), Path(folder))
    table = overlaps(frame)
    print(table[table["copies"] > 0].to_string(index=False))


if __name__ == "__main__":
    main()
