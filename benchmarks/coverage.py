"""Coverage: how often the 95 % intervals hold a truth that is known.

    python benchmarks/coverage.py [--tables 400] [--groups 40 80 200] [--few 5 10 20] [--fewest 3 5]

Tables are simulated: groups of 1 to 5 scans with the class and an effect in common, of a fair and
of a good model; patients with a Dice of two models, one in ten of them missed by both; groups of
scans with the share of an explanation in the lesion; and groups under two protocols. The truth is
that of very many scans from the same simulation. `--fewest` leaves out the rule that too few groups
have no interval (`MIN_GROUPS`), and shows what it is for: coverage, the mean width, and how often
two models that are equally good are called different.
"""

import argparse
from collections.abc import Callable, Iterable
from functools import cache, partial

import numpy as np
import pandas as pd

from scanvote.metrics import bootstrap as rule
from scanvote.metrics.bootstrap import BootstrapEstimate, confusions, estimates, macro_f1
from scanvote.metrics.confusion import chief_estimates
from scanvote.metrics.resampled import (
    bootstrap,
    calibration_metrics,
    confusion_metrics,
    ranking_metrics,
)
from scanvote.metrics.results import ClassifierOutput
from scanvote.metrics.segmentation import dice_figures, mean_difference, weighted_median

FIGURES = ("accuracy", "macro_f1", "auroc", "brier")
SHARES = np.array([0.5, 0.3, 0.2])
SKILLS = {"fair": 1.2, "good": 2.0, "nearly perfect": 3.0}
MANY = 400_000


def simulated(groups: int, skill: float, seed: int) -> ClassifierOutput:
    """Answers to scans of so many groups; half of the noise is the group's."""
    random = np.random.default_rng(seed)
    owner = np.repeat(np.arange(groups), random.integers(1, 6, groups))
    truth = random.choice(len(SHARES), groups, p=SHARES)[owner]
    noise = random.normal(size=(groups, len(SHARES)))[owner]
    noise = (noise + random.normal(size=(len(owner), len(SHARES)))) / np.sqrt(2)
    says = np.exp(skill * np.eye(len(SHARES))[truth] + noise)
    shares = says / says.sum(axis=1, keepdims=True)
    return ClassifierOutput(("a", "b", "c"), truth, shares.argmax(axis=1), shares, owner)


@cache
def truths(skill: float) -> dict[str, float]:
    answers = simulated(MANY, skill, seed=0)
    weights = np.ones((answers.group_count, 1))
    found = [
        gauge(answers)(weights)
        for gauge in (confusion_metrics, calibration_metrics, ranking_metrics)
    ]
    return {name: float(part[name][0]) for part in found for name in FIGURES if name in part}


def coverage(groups: int, skill: float, tables: int) -> dict[str, tuple[float, float]]:
    """By figure the share of the intervals that hold the truth: ours, and plain percentiles."""
    true = truths(skill)
    held: dict[str, list[tuple[bool, bool]]] = {name: [] for name in FIGURES}
    for seed in range(1, tables + 1):
        answers = simulated(groups, skill, seed)
        figures = bootstrap(
            {"m": answers}, seed, (confusion_metrics, calibration_metrics, ranking_metrics)
        )["m"]
        for name in FIGURES:
            held[name].append(holds(figures[name], true[name]))
    return {name: tuple(np.mean(found, axis=0)) for name, found in held.items()}


def holds(figure: BootstrapEstimate, true: float) -> tuple[bool, bool]:
    """Whether our interval holds the truth, and whether that of plain percentiles does."""
    low, high = np.nanquantile(figure.drawn, [0.025, 0.975])
    ours = figure.interval()
    return bool(ours[0] <= true <= ours[1]), bool(low <= true <= high)


Table = dict[str, np.ndarray]


def patients(count: int, random: np.random.Generator) -> Table:
    """Their Dice, and that of a worse model."""
    hard = random.random(count) < 0.1
    dice = np.where(hard, random.beta(2, 4, count), random.beta(12, 2, count))
    return {"dice": dice, "other": np.clip(dice - random.normal(0.05, 0.08, count), 0, 1)}


def of_patients(table: Table, seed: int) -> dict[str, BootstrapEstimate]:
    found = estimates(partial(dice_figures, table["dice"]), len(table["dice"]), seed)
    return {
        "mean Dice": found["dice_patient_mean"],
        "median Dice": found["dice_patient_median"],
        "difference of Dice": mean_difference(table["dice"], table["other"], seed),
    }


def explained(count: int, random: np.random.Generator) -> Table:
    """Scans of so many groups: the share in the lesion, and that of its area."""
    owner = np.repeat(np.arange(count), random.integers(1, 6, count))
    shares = random.beta(2, 6, count)[owner] + random.normal(0, 0.05, len(owner))
    return {"group": owner, "mass": shares, "area": random.beta(2, 30, count)[owner]}


def of_explained(table: Table, seed: int) -> dict[str, BootstrapEstimate]:
    from scanvote.pipeline.explain.localisation import mass_estimates  # takes seconds

    found = mass_estimates(pd.DataFrame(table), seed)
    return {"mass in the lesion": found["mass"], "above chance": found["above_chance"]}


def two_protocols(count: int, random: np.random.Generator) -> Table:
    """Scans of so many groups, said by a probe whose test leaks, and by one whose does not."""
    owner = np.repeat(np.arange(count), random.integers(1, 6, count))
    truth = random.choice(len(SHARES), count, p=SHARES)[owner]
    luck = (random.random(count)[owner] + random.random(len(owner))) / 2
    wrong = (truth + 1) % len(SHARES)
    said = {name: np.where(luck < least, truth, wrong) for name, least in LEAKS.items()}
    return {"group": owner, "truth": truth, **said}


LEAKS = {"leaking": 0.75, "grouped": 0.6}
"""Below which of a scan's luck a probe is right."""


def counts_of(table: Table) -> list[np.ndarray]:
    return [confusions(table["group"], table["truth"], table[name], len(SHARES)) for name in LEAKS]


def of_protocols(table: Table, seed: int) -> dict[str, BootstrapEstimate]:
    one, other = chief_estimates(counts_of(table), seed)
    return {
        "inflation of accuracy": one["accuracy"] - other["accuracy"],
        "inflation of macro F1": one["macro_f1"] - other["macro_f1"],
    }


def true_of_patients(table: Table) -> dict[str, float]:
    dice = table["dice"]
    median = weighted_median(dice, np.ones((len(dice), 1)))[0]
    apart = dice.mean() - table["other"].mean()
    return {"mean Dice": dice.mean(), "median Dice": median, "difference of Dice": apart}


def true_of_explained(table: Table) -> dict[str, float]:
    mass = table["mass"].mean()
    return {"mass in the lesion": mass, "above chance": mass - table["area"].mean()}


def true_of_protocols(table: Table) -> dict[str, float]:
    right = [(table[name] == table["truth"]).mean() for name in LEAKS]
    f1 = [macro_f1(counts.sum(axis=0)) for counts in counts_of(table)]
    return {"inflation of accuracy": right[0] - right[1], "inflation of macro F1": f1[0] - f1[1]}


Kind = tuple[
    Callable[[int, np.random.Generator], Table],
    Callable[[Table, int], dict[str, BootstrapEstimate]],
    Callable[[Table], dict[str, float]],
]
KINDS: dict[str, Kind] = {
    "patients": (patients, of_patients, true_of_patients),
    "explained": (explained, of_explained, true_of_explained),
    "protocols": (two_protocols, of_protocols, true_of_protocols),
}
"""By name: a simulation, its figures, and their truth of very many."""


def coverage_of(kind: str, groups: int, tables: int) -> dict[str, tuple[float, float]]:
    """As `coverage`, of figures that are no classifier's; of those tables that have an interval.

    All are judged on the same resamples.
    """
    simulate, figures, _ = KINDS[kind]
    true, held = truths_of(kind), {name: [] for name in truths_of(kind)}
    for seed in range(1, tables + 1):
        for name, one in figures(simulate(groups, np.random.default_rng(seed)), 1).items():
            if np.isfinite(one.interval()).all():
                held[name].append(holds(one, true[name]))
    return {name: tuple(np.mean(found, axis=0)) for name, found in held.items() if found}


@cache
def truths_of(kind: str) -> dict[str, float]:
    simulate, _, truth = KINDS[kind]
    return truth(simulate(MANY, np.random.default_rng(0)))


def report(tables: int, numbers: Iterable[int]) -> None:
    print("| model, groups | figure | truth | covered by BCa | by percentiles |")
    print("|---|---|---|---|---|")
    for model, skill in SKILLS.items():
        true = truths(skill)
        for groups in numbers:
            for name, (ours, plain) in coverage(groups, skill, tables).items():
                print(
                    f"| {model}, {groups} | {name} | {true[name]:.3f} | {ours:.3f} | {plain:.3f} |",
                    flush=True,
                )


def report_few(tables: int, numbers: Iterable[int]) -> None:
    print("\n| figure | groups or patients | truth | covered by BCa | by percentiles |")
    print("|---|---|---|---|---|")
    numbers = list(numbers)
    for kind in KINDS:
        found = {groups: coverage_of(kind, groups, tables) for groups in numbers}
        for name, true in truths_of(kind).items():
            for groups in numbers:
                ours, plain = (f"{one:.3f}" for one in found[groups].get(name, (np.nan, np.nan)))
                print(f"| {name} | {groups} | {true:.3f} | {ours} | {plain} |", flush=True)


REST = 20
"""Groups of the two other classes, beside those of the rarest."""
OF_RAREST = ("macro_f1", "balanced_accuracy", "auroc", "auroc_c", "sensitivity_c")


def with_a_rare_class(groups: int, rest: int, skill: float, seed: int) -> ClassifierOutput:
    """Scans of which so many groups are of the class c; the others are of a and b in turn."""
    random = np.random.default_rng(seed)
    kind = np.concatenate([np.full(groups, 2), np.arange(rest) % 2])
    owner = np.repeat(np.arange(groups + rest), random.integers(1, 6, groups + rest))
    noise = random.normal(size=(groups + rest, 3))[owner]
    noise = (noise + random.normal(size=(len(owner), 3))) / np.sqrt(2)
    says = np.exp(skill * np.eye(3)[kind[owner]] + noise)
    shares = says / says.sum(axis=1, keepdims=True)
    return ClassifierOutput(("a", "b", "c"), kind[owner], shares.argmax(axis=1), shares, owner)


METRICS = (confusion_metrics, ranking_metrics)


def fewest_of_class(groups: int, tables: int) -> dict[str, np.ndarray]:
    """By figure, for each table: whether the interval holds the truth, and its width."""
    share = MANY // (groups + REST)
    many = with_a_rare_class(groups * share, REST * share, 2.0, 0)
    one = np.ones((many.group_count, 1))
    true = {name: value[0] for make in METRICS for name, value in make(many)(one).items()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in OF_RAREST}
    for seed in range(1, tables + 1):
        output = with_a_rare_class(groups, REST, 2.0, seed)
        figures = bootstrap({"m": output}, seed, METRICS)["m"]
        for name in OF_RAREST:
            found[name].append(_held(figures[name], float(true[name])))
    return {name: np.array(rows) for name, rows in found.items()}


def fewest_patients(count: int, tables: int) -> dict[str, np.ndarray]:
    """The same of the patients' Dice, and of the difference of two models equally good."""
    mean = truths_of("patients")["mean Dice"]
    found: dict[str, list[tuple[float, float]]] = {"mean Dice": [], "no difference of Dice": []}
    for seed in range(1, tables + 1):
        random = np.random.default_rng(seed)
        dice = patients(count, random)["dice"]
        other = dice + random.normal(0, 0.08, count)
        own = estimates(partial(dice_figures, dice), count, seed)["dice_patient_mean"]
        found["mean Dice"].append(_held(own, mean))
        found["no difference of Dice"].append(_held(mean_difference(dice, other, seed), 0.0))
    return {name: np.array(rows) for name, rows in found.items()}


def _held(figure: BootstrapEstimate, true: float) -> tuple[float, float]:
    low, high = figure.interval()
    return (float(low <= true <= high), high - low) if np.isfinite(low) else (np.nan, np.nan)


def report_fewest(tables: int, numbers: Iterable[int]) -> None:
    print("\n| figure | groups or patients | covered | mean width | tables with an interval |")
    print("|---|---|---|---|---|")
    rule.MIN_GROUPS = 2
    for make in (fewest_patients, fewest_of_class):
        found = {groups: make(groups, tables) for groups in numbers}
        for name in next(iter(found.values())):
            for groups, one in found.items():
                held, width = np.nanmean(one[name], axis=0)
                share = np.isfinite(one[name][:, 0]).mean()
                print(f"| {name} | {groups} | {held:.3f} | {width:.3f} | {share:.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=400)
    parser.add_argument("--groups", type=int, nargs="*", default=[40, 80, 200])
    parser.add_argument("--few", type=int, nargs="*", default=[5, 10, 20])
    parser.add_argument("--fewest", type=int, nargs="*", default=[2, 3, 4, 5, 6, 8, 10])
    asked = parser.parse_args()
    if asked.groups:
        report(asked.tables, asked.groups)
    if asked.few:
        report_few(asked.tables, asked.few)
    if asked.fewest:
        report_fewest(asked.tables, asked.fewest)


if __name__ == "__main__":
    main()
