"""Published classifiers, with scans split at random and with patients whole.

    python benchmarks/published.py cnn_lime_yes_no ann_grid_4class -S search.epochs=5

DVC runs each recipe up to its evaluation twice, each time in its own worktree: once with
`split.protocol: random`, where copies of an image and slices of a person are on both sides, and
once as the recipe stands. What is finished in `--work` is not run again. Markdown on standard
output: the network that validation prefers, on the test scans of each split.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from worktrees import repro, with_interval, with_recipe

from scanvote.commands.recipes import read_recipe
from scanvote.core.digests import digest
from scanvote.core.errors import InputError
from scanvote.params import parse_values
from scanvote.tracking.provenance import git_commit

LIGHT = {"explain": {"methods": ["gradcam", "occlusion"], "scans": 4}}
"""Settings that save time and change no figure of the table."""
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
    rows, problem = list[dict[str, str]](), ""
    try:
        changes = [parsed(one) for one in args.settings]
        for recipe in args.recipes:
            check(recipe)
        for recipe in args.recipes:
            for way in WAYS:
                rows.append(row(recipe, way, run(recipe, way, args.work.absolute(), changes)))
    except (InputError, RuntimeError) as error:
        problem = f"published: {error}"
    if rows:
        print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))
        print(
            f"\nCommit {(git_commit() or '')[:7]}; settings: {', '.join(args.settings) or 'none'}"
        )
    sys.exit(problem or None)


def check(recipe: str) -> None:
    """Check that the recipe names scans of classes; others would be measured on the phantom.

    Raises:
        InputError: it does not.
    """
    if not read_recipe(recipe).params.get("classification", {}).get("dataset"):
        raise InputError(f"{recipe} names no classification.dataset, so it has no classifier")


def parsed(setting: str) -> dict[str, Any]:
    """Return ``a.b=1`` as ``{"a": {"b": 1}}``.

    Raises:
        InputError: it is no setting.
    """
    key, sign, text = setting.partition("=")
    if not sign:
        raise InputError(f"-S {setting}: give KEY=VALUE, such as search.epochs=5")
    value = parse_values(f"value: {text}", f"-S {setting}")["value"]
    for name in reversed(key.split(".")):
        value = {name: value}
    return dict(value)


def run(recipe: str, way: str, work: Path, changes: Sequence[Mapping[str, Any]]) -> Path:
    """Run a recipe up to its evaluation; return its worktree."""
    folder = work / f"{recipe}-{way.split()[-1]}-{digest(list(changes))[:6]}"
    with_recipe(folder, recipe, LIGHT, *changes, WAYS[way])
    # a search that DVC would take from its cache has not trained here, so its seconds are not known
    repro(folder, "prepare@classification")
    repro(folder, "--no-run-cache", "evaluate@classification")
    return folder


def row(recipe: str, way: str, folder: Path) -> dict[str, str]:
    """Return the row of a finished run."""
    prepared = json.loads((folder / "metrics/prepare/classification.json").read_text())
    best = best_member(folder)
    searches = [pd.read_csv(one) for one in (folder / "models/search").glob("*/trials.csv")]
    trials = pd.concat(searches)
    return {
        "recipe": f"`{recipe}`",
        "published": read_recipe(recipe).published,
        "split": way,
        "test scans": f"{prepared['test_scans']:,}",
        "of a person who is also in training or validation": shared(prepared),
        "linked pairs across the parts": f"{prepared['leaked_pairs_group']:,}",
        "accuracy": with_interval(best, "accuracy"),
        "macro F1": with_interval(best, "macro_f1"),
        "network": best["model"],
        "parameters": ", ".join(f"{int(one):,}" for one in sizes(trials, best["model"])),
        "trained": f"{len(trials)}",
        "seconds of the epochs": f"{seconds(folder, trials['digest']):,.0f}",
    }


def best_member(folder: Path) -> Mapping[str, Any]:
    """Return the test figures of the network that validation prefers."""
    table = pd.read_csv(folder / "metrics/evaluate/classification/members.csv")
    return dict(table[~table["model"].str.match(r"vote(/|$)")].iloc[0])


def sizes(trials: pd.DataFrame, member: str) -> Iterable[float]:
    """Return the numbers of weights of the trials called like the member."""
    return trials.loc[trials["trial"] == member.partition("/")[2], "parameters"].unique()


def seconds(folder: Path, trials: Iterable[str]) -> float:
    """Return the time of the epochs of all trials that ended."""
    files = [folder / ".cache/trials" / one / "result.json" for one in trials]
    results = [json.loads(one.read_text()) for one in files if one.exists()]
    return float(sum(one.get("seconds", 0.0) for one in results))


def shared(prepared: Mapping[str, int]) -> str:
    """Return how many test scans that is, of those whose person is known."""
    return (
        f"{prepared['test_scans_patient_shared']} of {prepared['test_scans_patient_known']} known"
    )


if __name__ == "__main__":
    main()
