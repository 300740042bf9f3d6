"""Coverage: how often the 95 % intervals hold a truth that is known.

    python benchmarks/coverage.py [--tables 400] [--groups 40 80 200] > benchmarks/coverage.md

Tables are simulated: groups of 1 to 5 scans with the class and an effect in common, of a fair and
of a good model. The truth is that of very many scans from the same simulation.
"""

import argparse
from collections.abc import Iterable
from functools import cache

import numpy as np

from scanvote.metrics.bootstrap import interval
from scanvote.metrics.resampled import (
    bootstrap,
    calibration_metrics,
    confusion_metrics,
    ranking_metrics,
)
from scanvote.metrics.results import ClassifierOutput

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
            ends = figures[name].interval(), interval(figures[name].drawn)
            held[name].append(tuple(low <= true[name] <= high for low, high in ends))
    return {name: tuple(np.mean(found, axis=0)) for name, found in held.items()}


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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=400)
    parser.add_argument("--groups", type=int, nargs="+", default=[40, 80, 200])
    asked = parser.parse_args()
    report(asked.tables, asked.groups)


if __name__ == "__main__":
    main()
