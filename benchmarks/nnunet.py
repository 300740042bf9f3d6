"""Masks of a recipe beside those of nnU-Net v2, after equal time.

    python benchmarks/nnunet.py --peer FOLDER/bin/python --folds 4 --parts 0 1

For each part of a cross-validation, the recipe's U-Net is trained by DVC in a worktree of its own,
and nnU-Net (2D, one network on all patients of training and validation) on the same slices for as
many seconds as ours took, or for `--minutes`. Both are measured by our evaluation. FOLDER is an
environment of its own: `python3 -m venv FOLDER`, then `FOLDER/bin/pip install nnunetv2==2.8.1`.
What is finished in `--work` is not trained again. Markdown on standard output.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from nnunet_peer import Case, Peer
from worktrees import check_commit, repro, with_interval, with_recipe

from scanvote.arrays import memmap_split
from scanvote.commands.recipes import read_recipe
from scanvote.core.digests import digest
from scanvote.core.errors import InputError
from scanvote.manifest import owners, read_manifest
from scanvote.metrics.intervals import with_intervals
from scanvote.metrics.segmentation import mean_difference, measure, patient_intervals
from scanvote.params import load_params
from scanvote.predictions import encode_mask, read_predictions

OF = ("ours", "nnU-Net")
SEED = 7


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and the largest memory in bytes, of a training."""

    seconds: float
    memory: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, required=True, help="interpreter that has nnU-Net")
    parser.add_argument("--recipe", default="best_lgg")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--parts", type=int, nargs="+", help="of the folds; default: all")
    parser.add_argument("--minutes", type=float, help="of nnU-Net; default: as long as ours")
    parser.add_argument("--work", type=Path, default=Path(".cache/nnunet"))
    args = parser.parse_args()
    parts = sorted(set(args.parts or range(args.folds)))
    try:
        check(args, parts)
        Peer(args.peer, args.work).device()
        settings = digest([args.folds, read_recipe(args.recipe).params])[:6]
        work = args.work.absolute() / f"{args.recipe}-{settings}"
        done = [compare(args, part, work / f"fold{part}") for part in parts]
    except (InputError, RuntimeError) as error:
        sys.exit(f"nnunet: {error}")
    report([row for rows, _ in done for row in rows], pd.concat([table for _, table in done]))


def check(args: Any, parts: Sequence[int]) -> None:
    """Check what would fail only after hours.

    Raises:
        InputError: an option is wrong.
    """
    if args.folds < 2:
        raise InputError(f"--folds: {args.folds}, give 2 or more")
    if wrong := [part for part in parts if not 0 <= part < args.folds]:
        raise InputError(f"--parts: there is no fold {wrong[0]} of {args.folds}")
    if args.minutes is not None and not args.minutes > 0:
        raise InputError(f"--minutes: {args.minutes:g}, give more than 0")
    if read_recipe(args.recipe).params.get("split", {}).get("protocol") == "random":
        raise InputError(f"--recipe: {args.recipe} has slices of a patient in several tests")


def compare(args: Any, part: int, folder: Path) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Train both on a part; return what it cost, and the metrics of each test patient."""
    ours = train_ours(args.recipe, args.folds, part, folder)
    allowed = ours.seconds if args.minutes is None else 60 * args.minutes
    name = "equal" if args.minutes is None else f"{args.minutes:g}"
    peer = Peer(args.peer, folder / ".cache" / f"peer-{name}")
    theirs, masks = train_peer(peer, folder, allowed)
    table = read_predictions(folder / "models/unet/predictions.csv")
    table = table[table["split"] == "test"]
    tolerance = load_params(folder / "params.yaml").evaluate.tolerance
    by_peer = table.assign(predicted=[encode_mask(masks[scan]) for scan in table["scan_id"]])
    costs = [
        {"fold": part, "of": name, **vars(cost)}
        for name, cost in zip(OF, (ours, theirs), strict=True)
    ]
    tables = [
        measure(rows, tolerance)[1].assign(of=name, fold=part)
        for name, rows in zip(OF, (table, by_peer), strict=True)
    ]
    return costs, pd.concat(tables)


def train_ours(recipe: str, folds: int, part: int, folder: Path) -> Cost:
    """Train the recipe's U-Net on a part in the worktree `folder`."""
    cost = folder / ".cache" / "ours.json"
    if cost.exists():
        check_commit(folder)
        return Cost(**json.loads(cost.read_text()))
    with_recipe(folder, recipe, {"split": {"folds": folds, "fold": part}})
    repro(folder, "prepare@segmentation")
    check_test(folder, part)
    # afresh: the time of an interrupted run would be missing from the cost
    shutil.rmtree(folder / ".cache" / "trials", ignore_errors=True)
    return finished(cost, *repro(folder, "--force", "--single-item", "unet"))


def check_test(folder: Path, part: int) -> None:
    manifest = read_manifest(folder / "data/prepared/segmentation/manifest.csv")
    if not (manifest["split"] == "test").any():
        raise InputError(f"--parts: fold {part} has no test patients; give fewer --folds")


def finished(path: Path, seconds: float, memory: int) -> Cost:
    """Keep the cost of a training that has ended, so that it is not trained again."""
    cost = Cost(round(seconds, 1), memory)
    path.write_text(json.dumps(vars(cost)))
    return cost


def train_peer(peer: Peer, ours: Path, seconds: float) -> tuple[Cost, dict[str, np.ndarray]]:
    """Train nnU-Net on the slices of `ours`; return its cost, and its mask of each test slice."""
    prepared, kept = ours / "data/prepared/segmentation", peer.folder / "cost.json"
    if not kept.exists():
        peer.prepare(cases(prepared, "train", "validation")[0])
        finished(kept, *peer.train(seconds))
    test, scans = cases(prepared, "test")
    masks = peer.predict(test)
    by_scan = {
        scan: mask
        for name, stack in masks.items()
        for scan, mask in zip(scans[name], stack, strict=True)
    }
    return Cost(**json.loads(kept.read_text())), by_scan


def cases(prepared: Path, *splits: str) -> tuple[dict[str, Case], dict[str, list[str]]]:
    """Patients of the splits as cases of nnU-Net, and the scans of each, in order."""
    shard = memmap_split(prepared, *splits)
    manifest = read_manifest(prepared / "manifest.csv").set_index("scan_id")
    rows_of = list(enumerate(shard["scan_ids"].tolist()))
    place = {scan: at for at, scan in reversed(rows_of)}  # the scan itself, before its copies
    rows = manifest[manifest.index.isin(place)].reset_index()  # in the order of the slices
    found, scans = dict[str, Case](), dict[str, list[str]]()
    for _, own in rows.groupby(owners(rows).to_numpy()):
        name, at = f"case_{len(found):03}", [place[scan] for scan in own["scan_id"]]
        found[name] = Case(shard["images"][at], shard["masks"][at])
        scans[name] = list(own["scan_id"])
    return found, scans


def report(costs: list[dict[str, Any]], patients: pd.DataFrame) -> None:
    """Print what the trainings cost, each patient, and both means with their difference."""
    print_costs(costs)
    print_patients(patients)
    print_means(patients)


def print_costs(costs: list[dict[str, Any]]) -> None:
    print("| fold | | seconds * | peak RAM, GiB |\n|---|---|---|---|")
    for one in costs:
        gib = one["memory"] / 2**30
        print(f"| {one['fold']} | {one['of']} | {one['seconds']:,.0f} | {gib:.1f} |")
    print(
        "\n* of ours the whole stage, with DVC, prediction and post-processing; of nnU-Net the"
        " training without planning and prediction"
    )


def print_patients(patients: pd.DataFrame) -> None:
    wide = patients.pivot(index="patient", columns="of", values=["dice", "hd95"])
    print("\n| patient | Dice, ours | Dice, nnU-Net | HD95, ours | HD95, nnU-Net |")
    print("|---|---|---|---|---|")
    for name, row in wide.iterrows():
        values = [f"{row['dice', of]:.3f}" for of in OF] + [f"{row['hd95', of]:.1f}" for of in OF]
        print(f"| {name} | {' | '.join(values)} |")


def print_means(patients: pd.DataFrame) -> None:
    parts = [patients[patients["of"] == of].sort_values("patient") for of in OF]
    unit = patients["unit"].iloc[0]
    print(f"\n| {len(parts[0])} patients | mean Dice | median | mean HD95, {unit} |")
    print("|---|---|---|---|")
    for of, own in zip(OF, parts, strict=True):
        figures = patient_intervals(own, SEED)
        mean, median = (
            with_interval(figures, f"dice_patient_{name}") for name in ("mean", "median")
        )
        print(f"| {of} | {mean} | {median} | {own['hd95'].mean():.1f} |")
    ours, theirs = (own["dice"].to_numpy(float) for own in parts)
    ahead = with_intervals({"ahead": mean_difference(ours, theirs, SEED)})
    print(f"\nMean Dice of ours less that of nnU-Net, paired: {with_interval(ahead, 'ahead')}")


if __name__ == "__main__":
    main()
