"""The command `scanvote trials`: tables of the searches, with each trial's cost."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scanvote.core.errors import InputError
from scanvote.core.files import repository_root
from scanvote.params import Family, Params
from scanvote.tuning.importance import eta_squared, varied_hyperparameters

SEARCHES = Path("models/search")
_WIDE = 120
"""Columns of a terminal in which the names of the trials stand beside their scores."""
_COST = {"seconds": "seconds", "images_per_second": "images/s", "memory_mib": "MiB"}


def show_trials(family: Family | None, best: bool, params: Params) -> None:
    """Print one table per family.

    Args:
        family: the only family to show; None for all.
        best: show only the best trial of each.
        params: give the objective, the first score in the table.

    Raises:
        InputError: no search has run.
    """
    paths = [SEARCHES / family / "trials.csv"] if family else sorted(SEARCHES.glob("*/trials.csv"))
    tables = {path.parent.name: pd.read_csv(path) for path in paths if path.is_file()}
    tables = {name: table for name, table in tables.items() if len(table)}
    if not tables:
        raise InputError(f"{family or SEARCHES} has no trials; run `dvc repro search`")
    for name, table in tables.items():
        _show(name, table.head(1) if best else table, table, f"val_{params.search.objective}")


def _show(family: str, rows: pd.DataFrame, trials: pd.DataFrame, score: str) -> None:
    shares = {name: eta_squared(trials, name, score) for name in varied_hyperparameters(trials)}
    known = [f"{name} {100 * share:.0f} %" for name, share in shares.items() if share == share]
    scores = list(dict.fromkeys([score, "val_macro_f1", "val_accuracy", "val_loss"]))
    console = Console()
    narrow = console.width < _WIDE
    # no columns for the hyperparameters, which are in the name of the trial
    names = ["rank", *([] if narrow else ["trial"]), *scores, "parameters", "epochs_run"]
    # without lines between the columns, and names as long as a line below: nothing is cut
    table = Table(
        *map(_column, (*names, *_COST.values())),
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for row in rows.to_dict("records"):
        values = [*(row.get(name) for name in names), *_cost(str(row["digest"])).values()]
        table.add_row(*map(_text, values))
    console.print(f"[bold]{family}: {len(trials)} trials[/]", highlight=False)
    console.print(table)
    for row in rows.to_dict("records") if narrow else []:
        console.print(f"{row['rank']} is {escape(row['trial'])}", highlight=False)
    if known:
        shares_in_words = f"share of the variance of {score}: {', '.join(known)}"
        console.print(shares_in_words, highlight=False)
    for row in rows[rows["problem"].notna()].to_dict("records"):
        console.print(f"{escape(row['trial'])} failed: {escape(row['problem'])}")


def _column(name: str) -> Column:
    if name == "trial":
        return Column(name, overflow="fold")
    return Column(name.replace("_", "\n"), justify="right", no_wrap=True)


def _cost(digest: str) -> dict[str, Any]:
    """Read the trial's cost from the cache.

    It is in no output of the stage, because it differs at every run.
    """
    path = repository_root() / ".cache" / "trials" / digest / "result.json"
    result = json.loads(path.read_text()) if path.is_file() else {}
    return {name: result.get(name) for name in _COST}


def _text(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
    return escape(str(value))
