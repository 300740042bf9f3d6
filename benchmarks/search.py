"""search: what the four algorithms find on one grid of the CNN, over many walks.

    python benchmarks/search.py record [--prepared data/prepared/classification]
    python benchmarks/search.py walk [--walks 40]

`record` trains every point of the grid once for each number of epochs that Hyperband uses, and
writes `search_scores.csv`; `walk` looks the scores up there, so a walk takes no training. The
walks of an algorithm have seeds of their own. Prints Markdown.
"""

import argparse
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scanvote.core.backend import use_backend
from scanvote.core.seeds import derive_seed
from scanvote.params import load_params

if TYPE_CHECKING:
    import keras_tuner

HERE = Path(__file__).parent
TABLE = HERE / "search_scores.csv"
GRID = {"filters": [4, 8, 16], "convolutions": [2, 3, 4], "dense_layers": [0, 1, 2]}
EPOCHS = 8
RUNGS = [3, 8]
"""Epochs of Hyperband's rungs for 8 epochs."""
BUDGETS = [6, 9, 14]
ALGORITHMS = ["grid", "random", "bayesian", "hyperband"]
KEPT = 3


def points() -> Iterator[dict[str, int]]:
    """Yield the points of the grid."""
    for values in itertools.product(*GRID.values()):
        yield dict(zip(GRID, values, strict=True))


def record(prepared: Path) -> None:
    """Train every point for each of `RUNGS`; write the table of scores."""
    from scanvote.pipeline.search.study import ClassifierStudy
    from scanvote.training import train

    params = load_params(HERE.parent / "params.yaml")
    update = {
        "search": params.search.model_copy(update={"epochs": EPOCHS, "patience": None}),
        "cnn": params.cnn.model_copy(update=GRID),
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder
        study = ClassifierStudy("cnn", prepared, params.model_copy(update=update))
        for values, epochs in itertools.product(points(), RUNGS):
            trial = study.trial(dict(values), epochs)
            trained = train(trial.network, trial.spec, lambda epoch, scores: None)
            score = round(trained.best["val_macro_f1"], 6)
            rows.append({**values, "epochs": epochs, "macro_f1": score})
            print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(TABLE, index=False)


def space(hp: "keras_tuner.HyperParameters") -> None:
    for name, values in GRID.items():
        hp.Choice(name, values)


def read_scores() -> dict[tuple[int, ...], float]:
    """Scores by the values of a point and its epochs."""
    table = pd.read_csv(TABLE)
    keys = table[[*GRID, "epochs"]].itertuples(index=False, name=None)
    return dict(zip(keys, table["macro_f1"], strict=True))


def walk(algorithm: str, budget: int, seed: int, score: Callable[..., float]) -> tuple[float, int]:
    """Return the best score among points trained for all epochs, and the epochs it took."""
    from scanvote.tuning.tuner import run_tuner

    best, epochs_spent = -1.0, 0

    def run(values: dict[str, Any], epochs: int) -> float:
        nonlocal best, epochs_spent
        found = score(values, epochs)
        epochs_spent += epochs
        best = max(best, found if epochs == EPOCHS else -1.0)
        return found

    search = load_params(HERE.parent / "params.yaml").search
    update = {"algorithm": algorithm, "max_trials": budget, "epochs": EPOCHS}
    run_tuner(space, run, search.model_copy(update=update), seed, KEPT)
    return best, epochs_spent


def row(algorithm: str, budget: int, walks: int, scores: dict[tuple[int, ...], float]) -> list[str]:
    """One line of the table: the mean and spread of what the walks found."""

    def score(values: dict[str, int], epochs: int) -> float:
        return scores[*(values[name] for name in GRID), epochs]

    seeds = [
        derive_seed(at, algorithm, budget) for at in range(1 if algorithm == "grid" else walks)
    ]
    found = [walk(algorithm, budget, seed, score) for seed in seeds]
    best = np.array([one for one, _ in found])
    top = max(value for key, value in scores.items() if key[-1] == EPOCHS)
    low, high = np.quantile(best, [0.1, 0.9])
    epochs = np.mean([spent for _, spent in found])
    error = best.std(ddof=1) / np.sqrt(len(best)) if len(best) > 1 else 0.0
    return [
        algorithm,
        str(budget),
        f"{epochs:.0f}",
        f"{best.mean():.3f}",
        f"{error:.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{100 * (best == top).mean():.0f} %",
    ]


def walk_all(walks: int) -> None:
    """Print the table of all algorithms and budgets."""
    scores = read_scores()
    full = sorted((v for key, v in scores.items() if key[-1] == EPOCHS), reverse=True)
    print(f"{len(full)} points, macro F1 {full[-1]:.3f} to {full[0]:.3f}; {walks} walks\n")
    heads = ["algorithm", "max_trials", "epochs", "best found, mean", "standard error"]
    print("| " + " | ".join([*heads, "80 % of the walks", "find the grid's best"]) + " |")
    print("|---" * (len(heads) + 2) + "|")
    for budget in BUDGETS:
        for algorithm in ALGORITHMS:
            print("| " + " | ".join(row(algorithm, budget, walks, scores)) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="What each algorithm finds, and what it takes.")
    parser.add_argument("step", choices=["record", "walk"])
    parser.add_argument(
        "--prepared", type=Path, default=HERE.parent / "data/prepared/classification"
    )
    parser.add_argument("--walks", type=int, default=40)
    args = parser.parse_args()
    use_backend("tensorflow")  # before anything imports Keras
    if args.step == "record":
        record(args.prepared.resolve())
    else:
        walk_all(args.walks)


if __name__ == "__main__":
    main()
