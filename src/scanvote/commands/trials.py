"""What `scanvote trials` says: the tables of the searches, and what each trial cost."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scanvote.core.errors import InputError
from scanvote.core.files import repository_root
from scanvote.params import Family, Params
from scanvote.tuning.importance import eta_squared, varied_hyperparameters

SEARCHES = Path("models/search")
_COST = {"seconds": "seconds", "images_per_second": "images/s", "memory_mib": "MiB"}


def show_trials(family: Family | None, best: bool, params: Params) -> None:
    """Print a table a family.

    Args:
        family: the only one to show.
        best: show one row of each.
        params: the objective stands first.

    Raises:
        InputError: nothing was searched.
    """
    paths = [SEARCHES / family / "trials.csv"] if family else sorted(SEARCHES.glob("*/trials.csv"))
    tables = {path.parent.name: pd.read_csv(path) for path in paths if path.is_file()}
    tables = {name: table for name, table in tables.items() if len(table)}
    if not tables:
        raise InputError(f"{family or SEARCHES} has no trials; run `dvc repro search`")
    for name, table in tables.items():
        _show(name, table.head(1) if best else table, table, f"val_{params.search.objective}")


def _show(family: str, rows: pd.DataFrame, trials: pd.DataFrame, score: str) -> None:
    tried = {name: eta_squared(trials, name, score) for name in varied_hyperparameters(trials)}
    shares = [f"{name} {100 * share:.0f} %" for name, share in tried.items() if share == share]
    caption = f"share of the variance of {score}: {', '.join(shares)}" if shares else None
    scores = list(dict.fromkeys([score, "val_macro_f1", "val_accuracy", "val_loss"]))
    told = ["rank", "trial", *scores, "parameters", "epochs_run"]  # the name tells the choices
    columns = [_column(name) for name in (*told, *_COST.values())]
    shown = Table(*columns, title=f"{family}: {len(trials)} trials", caption=caption)
    for row in rows.to_dict("records"):
        values = [*(row.get(name) for name in told), *_cost(str(row["digest"])).values()]
        shown.add_row(*map(_text, values))
    console = Console()
    console.print(shown)
    for row in rows[rows["problem"].notna()].to_dict("records"):
        console.print(f"{escape(row['trial'])} failed: {escape(row['problem'])}")


def _column(name: str) -> Column:
    """Headings wrap at their spaces; the name of a trial is shown whole, however long."""
    wide = 24 if name == "trial" else None
    return Column(name.replace("_", " "), overflow="fold", min_width=wide)


def _cost(digest: str) -> dict[str, Any]:
    """What the trial's memory knows of it; it is in no output, as it is never the same twice."""
    path = repository_root() / ".cache" / "trials" / digest / "result.json"
    result = json.loads(path.read_text()) if path.is_file() else {}
    return {name: result.get(name) for name in _COST}


def _text(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
    return escape(str(value))
