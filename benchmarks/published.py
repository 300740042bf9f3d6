"""Published classifiers, each split as its authors did and with patients whole.

    python benchmarks/published.py cnn_lime_yes_no ann_grid_4class -S search.epochs=5

For each recipe DVC runs to the evaluation twice, in worktrees of its own: with `split.protocol:
random`, where copies of an image and slices of a person are on both sides, and as the recipe
stands. What is finished in `--work` is not run again. Markdown on standard output: the network
that validation puts first, on the test scans of each split.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from worktrees import repro, with_recipe

from scanvote.commands.recipes import read_recipe
from scanvote.core.errors import InputError

LIGHT = {
    "segmentation": {"dataset": None},
    "inflation": {"folds": 2},
    "explain": {"methods": ["gradcam"], "scans": 4},
}
"""What has no part in the figures, made small."""
WAYS: dict[str, Mapping[str, Any]] = {
    "scans at random": {"split": {"protocol": "random"}},
    "patients whole": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("-S", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path(".cache/published"))
    args = parser.parse_args()
    try:
        changes = [parsed(one) for one in args.settings]
        rows = [
            measured(recipe, way, args.work.absolute(), changes)
            for recipe in args.recipes
            for way in WAYS
        ]
    except (InputError, RuntimeError) as error:
        sys.exit(f"published: {error}")
    print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


def parsed(setting: str) -> dict[str, Any]:
    """Return ``a.b=1`` as ``{"a": {"b": 1}}``."""
    key, sign, text = setting.partition("=")
    if not sign:
        raise InputError(f"-S {setting}: give KEY=VALUE, such as search.epochs=5")
    value = yaml.safe_load(text)
    for name in reversed(key.split(".")):
        value = {name: value}
    return dict(value)


def measured(
    recipe: str, way: str, work: Path, changes: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Run a recipe to its evaluation; return a row of the table."""
    folder = work / f"{recipe}-{way.split()[0]}"
    with_recipe(folder, recipe, LIGHT, *changes, WAYS[way])
    repro(folder, "evaluate@classification")
    prepared = json.loads((folder / "metrics/prepare/classification.json").read_text())
    best = best_member(folder)
    family = best["model"].partition("/")[0]
    trials = pd.read_csv(folder / "models/search" / family / "trials.csv")
    return {
        "recipe": f"`{recipe}`",
        "published": read_recipe(recipe).published,
        "split": way,
        "test scans": f"{prepared['test_scans']:,}",
        "whose person is in training": of_known(prepared),
        "accuracy": interval(best, "accuracy"),
        "macro F1": interval(best, "macro_f1"),
        "best network": best["model"],
        "parameters": f"{trials['parameters'][0]:,}",
        "networks trained": f"{len(trials)}",
        "seconds": f"{seconds(folder, trials):,.0f}",
    }


def best_member(folder: Path) -> Mapping[str, Any]:
    """Return the test figures of the network with the best validation."""
    table = pd.read_csv(folder / "metrics/evaluate/classification/members.csv")
    members = table[~table["model"].str.match(r"vote(/|$)")]
    return dict(members.iloc[0])


def seconds(folder: Path, trials: pd.DataFrame) -> float:
    """Return the time of all trainings of a search."""
    cache = folder / ".cache/trials"
    results = [json.loads((cache / one / "result.json").read_text()) for one in trials["digest"]]
    return float(sum(one["seconds"] for one in results))


def of_known(prepared: Mapping[str, int]) -> str:
    """Say how many test scans have their person in training, of those whose person is known."""
    return (
        f"{prepared['test_scans_patient_shared']} of {prepared['test_scans_patient_known']} known"
    )


def interval(figures: Mapping[str, Any], name: str) -> str:
    return f"{figures[name]:.3f} ({figures[f'{name}_low']:.3f}–{figures[f'{name}_high']:.3f})"


if __name__ == "__main__":
    main()
