"""Look-alikes: how many pairs of scans of one person a rule finds that knows no persons.

    python benchmarks/lookalikes.py TRAINING_TREE TABLE --backbone FILE.keras --out FOLDER

TRAINING_TREE is the folder `Training` of the 4-class brain MRI set; TABLE tells which slice of
which person its scans are (columns `path`, `slice`, `person`). Of each slice one scan counts, so
that copies are no success. Thresholds are set with the truth at hand, which flatters every rule.
Markdown on standard output, and FOLDER/lookalikes.png.
"""

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from pair_signals import CROPPED, Pairs, all_pairs, signals

from scanvote.core.seeds import rng
from scanvote.pipeline.deduplicate.fingerprints import fingerprints
from scanvote.plots.canvas import class_colour, figure
from scanvote.splits.groups import stratified_group_split

RULE = 0.90
"""r of cropped thumbnails from which the stage deduplicate calls scans relatives."""
SEED, SEEDS = 2021, range(2021, 2041)
RESAMPLES, HEAD = 300, 200_000
"""Of the bootstrap, and the pairs among which precision 0.9 is sought: it is lost long before."""
CHAINED = "largest group | persons in it | pairs held | wrong pairs | persons joined | whole"


@dataclass(frozen=True)
class Curve:
    """Pairs from the most to the least likely, and which of them are of one person."""

    order: np.ndarray
    hits: np.ndarray

    @cached_property
    def recall(self) -> np.ndarray:
        return np.cumsum(self.hits) / self.hits.sum()

    @cached_property
    def precision(self) -> np.ndarray:
        return np.cumsum(self.hits) / np.arange(1, len(self.hits) + 1)

    def recall_at(self, precision: float) -> float:
        return float(self.recall[self.count_at(precision) - 1])

    def count_at(self, precision: float) -> int:
        """How many pairs may be taken for a precision of at least so much; the first at least."""
        return max(_last(self.precision >= precision), 1)


def curve(scores: np.ndarray, one_person: np.ndarray) -> Curve:
    order = np.argsort(-scores, kind="stable")
    return Curve(order, one_person[order])


def known_scans(tree: Path, table: Path) -> pd.DataFrame:
    """Scans of the tree whose person is known, and their place in the order of the file names."""
    frame = pd.read_csv(table)
    frame = frame[frame["path"].str.startswith("Training/")].sort_values("path")
    frame["scan_id"] = frame["path"].str.removeprefix("Training/")
    frame["folder"] = frame["scan_id"].str.split("/").str[0]
    place: dict[str, int] = {}
    for folder in frame["folder"].unique():
        names = sorted((path.name for path in (tree / folder).iterdir()), key=_natural)
        place |= {f"{folder}/{name}": at for at, name in enumerate(names)}
    frame["place"] = frame["scan_id"].map(place)
    return frame.reset_index(drop=True)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _last(enough: np.ndarray) -> int:
    """How many there are up to the last that is true."""
    places = np.flatnonzero(enough)
    return int(places[-1]) + 1 if len(places) else 0


def interval(order: np.ndarray, pairs: Pairs) -> np.ndarray:
    """95 % bootstrap percentiles, persons resampled, of the recall at precision 0.9."""
    codes, head = np.unique(pairs.person, return_inverse=True)[1], order[:HEAD]
    sizes, random, found = np.bincount(codes), rng(SEED, "persons"), []
    one, other, hit = codes[pairs.first[head]], codes[pairs.second[head]], pairs.one_person[head]
    for _ in range(RESAMPLES):
        times = np.bincount(random.integers(len(sizes), size=len(sizes)), minlength=len(sizes))
        weight = np.where(hit, times[one], times[one] * times[other])
        hits, taken = np.cumsum(weight * hit), np.maximum(np.cumsum(weight), 1)
        count = _last(hits / taken >= 0.9)
        found.append(hits[count - 1] / (times * sizes * (sizes - 1) / 2).sum() if count else 0)
    return np.percentile(found, [2.5, 97.5])


def chained(groups: np.ndarray, pairs: Pairs) -> str:
    """What chaining makes of the scans, in the cells of `CHAINED`."""
    frame = pd.DataFrame({"group": groups, "person": pairs.person})
    persons = frame.groupby("group")["person"].nunique()
    largest, held = frame["group"].mode()[0], pairs.one_person
    joined = frame[frame["group"].map(persons) > 1]["person"].nunique()
    together = groups[pairs.first] == groups[pairs.second]
    whole = int((frame.groupby("person")["group"].nunique() == 1).sum())
    return (
        f"{(groups == largest).sum()} | {persons[largest]} | {together[held].mean():.3f} "
        f"| {(together & ~held).sum():,} | {joined} | {whole}"
    )


def leak(scans: pd.DataFrame, groups: np.ndarray) -> str:
    """Test scans whose person is in training, of the first seed and of all, as cells."""
    frame, person, shares, said = scans.assign(group=groups), scans["person"], [], ""
    for seed in SEEDS:
        parts = stratified_group_split(
            frame, frame["folder"].tolist(), {"train": 0.8, "test": 0.2}, seed
        )
        test = np.array(parts) == "test"
        leaks = person[test].isin(person[~test])
        shares.append(leaks.mean())
        said = said or f"{leaks.sum()} of {len(leaks)} | {leaks.mean():.3f}"
    return f"{said} | {min(shares):.3f} to {max(shares):.3f}"


def compare(scores: Mapping[str, np.ndarray], pairs: Pairs) -> dict[str, Curve]:
    print("| rule | recall at precision 0.9 | 95 % interval | of pairs of one class | ", end="")
    print(f"recall at precision 0.5 | average precision | {CHAINED} |\n|{'---|' * 12}")
    found = {}
    for name, values in scores.items():
        found[name] = one = curve(values, pairs.one_person)
        within = curve(values[pairs.one_class], pairs.one_person[pairs.one_class])
        low, high = interval(one.order, pairs)
        figures = (
            f"{one.recall_at(0.9):.3f} | {low:.3f} to {high:.3f} | {within.recall_at(0.9):.3f}"
        )
        more = f"{one.recall_at(0.5):.3f} | {one.precision[one.hits].mean():.3f}"
        price = chained(pairs.groups(one.order[: one.count_at(0.9)]), pairs)
        print(f"| {name} | {figures} | {more} | {price} |")
    return found


def thresholds(cropped: np.ndarray, pairs: Pairs) -> tuple[float, float]:
    """Print what other thresholds of the rule would do; its own recall and precision."""
    print(f"\n| cropped r from | recall | precision | {CHAINED} |\n|{'---|' * 9}")
    own = (0.0, 0.0)
    for least in (0.95, RULE, 0.85, 0.8, 0.75, 0.7):
        held = cropped >= least
        found = float(held[pairs.one_person].mean()), float(pairs.one_person[held].mean())
        own = found if least == RULE else own
        price = chained(pairs.groups(np.flatnonzero(held)), pairs)
        print(f"| {least:.2f} | {found[0]:.3f} | {found[1]:.3f} | {price} |")
    return own


def splits(every: pd.DataFrame, tree: Path, groups: Mapping[str, np.ndarray]) -> None:
    """Print the share of test scans whose person is in training, by what is held together."""
    single = every[~every["slice"].duplicated()]
    hashes = pd.Series(fingerprints([tree / name for name in every["scan_id"]]).hashes)
    unlike = every[~hashes.duplicated()]
    print("\n| split 80/20 | test scans whose person is in training | share | of 20 seeds |")
    print(f"|{'---|' * 4}\n| at random | {leak(every, np.arange(len(every)))} |")
    print(f"| equal pHashes out, then at random | {leak(unlike, np.arange(len(unlike)))} |")
    print(f"| copies out, then at random | {leak(single, np.arange(len(single)))} |")
    for name, group in groups.items():
        print(f"| copies out, groups: {name} | {leak(single, group)} |")


def draw(curves: Mapping[str, Curve], own: tuple[float, float], out: Path) -> None:
    title = "Pairs of scans of one person, found by rules that know no persons"
    with figure(out / "lookalikes.png", title, (7.2, 4.6)) as axes:
        for place, (name, one) in enumerate(curves.items()):
            shown = np.unique(np.geomspace(20, len(one.hits), 400).astype(int)) - 1
            style = ("-", "--", ":")[place % 3]
            colour = class_colour(place) if place < 8 else "black"
            axes.plot(one.recall[shown], one.precision[shown], style, color=colour, label=name)
        axes.plot(*own, "o", color="black", label=f"the rule in use: cropped r from {RULE:.2f}")
        axes.axhline(0.9, color="0.8", linewidth=0.8, zorder=0)
        axes.set(xlim=(0, 0.6), ylim=(0, 1.02))
        axes.set(xlabel="Recall: share of the pairs of one person", ylabel="Precision")
        axes.legend(fontsize=7.5, loc="upper right", bbox_to_anchor=(1, 0.89))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tree", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    every = known_scans(asked.tree, asked.table)
    scans = every[~every["slice"].duplicated()].reset_index(drop=True)
    pairs = all_pairs(scans)
    scores = signals(scans, asked.tree, asked.backbone, pairs)
    print(
        f"{len(scans)} scans, {len(set(pairs.person))} persons, {pairs.one_person.sum():,} pairs\n"
    )
    curves = compare(scores, pairs)
    draw(curves, thresholds(scores[CROPPED], pairs), asked.out)
    groups = {f"cropped r from {RULE:.2f}": pairs.groups(np.flatnonzero(scores[CROPPED] >= RULE))}
    for name, one in curves.items():
        taken = one.order[: one.count_at(0.9)]
        groups[f"{name}, at precision 0.9"] = pairs.groups(taken)
    splits(every, asked.tree, groups | {"persons": pairs.person})


if __name__ == "__main__":
    main()
