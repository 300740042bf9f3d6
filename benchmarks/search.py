"""search: the four algorithms over one grid of the CNN, by what they find and what it takes.

    python benchmarks/search.py [--prepared data/prepared/classification]

Each has a memory of its own, so none is given what another has trained. Prints Markdown.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scanvote.core.backend import use_backend
from scanvote.manifest import read_manifest
from scanvote.metrics import bootstrap
from scanvote.metrics.confusion import chief_estimates
from scanvote.params import Params, load_params

ROOT = Path(__file__).parents[1]
GRID = {"filters": [4, 8, 16], "convolutions": [1, 2, 3], "dense_layers": [0, 1]}
TRIALS = {"grid": 18, "random": 9, "bayesian": 9, "hyperband": 9}
EPOCHS, PATIENCE = 6, 3


@dataclass
class Found:
    """What a search came to; `score` is the macro F1 of its best trial."""

    trials: int
    failed: int
    seconds: float
    best: str
    score: bootstrap.BootstrapEstimate


class Log:
    """Sums up the seconds of the trials."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def __call__(self, name: str, values: Mapping[str, Any]) -> Iterator["Log"]:
        yield self

    def epoch(self, step: int, scores: Mapping[str, float]) -> None: ...

    def result(self, metrics: Mapping[str, float]) -> None:
        self.seconds += metrics["seconds"]


def changed(params: Params, algorithm: str) -> Params:
    search = {"algorithm": algorithm, "max_trials": TRIALS[algorithm], "epochs": EPOCHS}
    update = {
        "search": params.search.model_copy(update={**search, "patience": PATIENCE}),
        "cnn": params.cnn.model_copy(update=GRID),
    }
    return params.model_copy(update=update)


def found(algorithm: str, prepared: Path, params: Params) -> Found:
    from scanvote.pipeline.search.stage import search

    log = Log()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder
        out = Path(folder) / "out"
        metrics = search("cnn", prepared, changed(params, algorithm), out, log)
        best = str(pd.read_csv(out / "trials.csv").at[0, "trial"])
        table = pd.read_csv(out / "predictions.csv", keep_default_na=False)
    counts = confusions(table[table["model"] == f"cnn/{best}"], prepared)
    return Found(
        trials=int(metrics["trials"]),
        failed=int(metrics["failed_trials"]),
        seconds=log.seconds,
        best=best,
        score=chief_estimates([counts], params.seed)[0]["macro_f1"],
    )


def confusions(table: pd.DataFrame, prepared: Path) -> np.ndarray:
    """Of the validation split, one a group: (G, C, C)."""
    table = table[table["split"] == "validation"]
    group_of = read_manifest(prepared / "manifest.csv").set_index("scan_id")["group"]
    groups = pd.factorize(table["scan_id"].map(group_of))[0]
    labels = sorted(set(table["label"]))
    truth, guess = (pd.Categorical(table[c], labels).codes for c in ("label", "predicted"))
    return bootstrap.confusions(groups, truth, guess, len(labels))


def shown(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="What each algorithm finds, and what it takes.")
    parser.add_argument("--prepared", type=Path, default=ROOT / "data/prepared/classification")
    prepared = parser.parse_args().prepared.resolve()
    use_backend("tensorflow")
    params = load_params(ROOT / "params.yaml")
    print(
        "| algorithm | trials | failed | training, s | best trial | macro F1 | 95 % interval"
        " | minus grid's | its interval |"
    )
    print("|---" * 9 + "|")
    grid = None
    for algorithm in TRIALS:
        one = found(algorithm, prepared, params)
        grid = grid or one
        row = [algorithm, one.trials, one.failed, f"{one.seconds:.0f}", one.best]
        gain = one.score - grid.score
        row += [f"{one.score.value:.3f}", shown(one.score.interval())]
        row += [f"{gain.value:+.3f}", shown(gain.interval())]
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
