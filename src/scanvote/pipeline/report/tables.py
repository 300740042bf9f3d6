"""Tables of pandas as tables of a report: figures with their intervals, words as one reads them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from scanvote.metrics.bootstrap import interval_method
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Table

Naming = Callable[[str], str]
_COUNTS = frozenset({"scans", "groups", "patients", "slices", "trials", "wrong"})
"""Columns of whole numbers, which pandas reads as floats where one is missing."""


def frame_table(
    frame: pd.DataFrame,
    caption: str,
    naming: Mapping[str, Naming] | None = None,
    columns: Sequence[str] = (),
    note: str = "",
    over: str = "groups",
) -> list[Block]:
    """A row a row; ``x_low`` and ``x_high`` go into the column ``x``. Nothing of no rows.

    Args:
        frame: a table of a stage.
        caption: of the table.
        naming: how the words of a column are read; else `terms.words`.
        columns: those that are shown, where they are there; else all.
        note: below the table, behind how its intervals are made, if it has some.
        over: what these are taken over.
    """
    if frame.empty:
        return []
    there = [str(name) for name in frame.columns]
    ends = {name for name in there if name.endswith(("_low", "_high"))}
    shown = [name for name in (columns or there) if name in there and name not in ends]
    rows = tuple(
        tuple(_cell(row, name, (naming or {}).get(name, terms.words)) for name in shown)
        for row in frame.to_dict("records")
    )
    if any(f"{name}_low" in ends for name in shown):
        note = f"{brackets(over)} {note}".strip()
    return [Table(caption, tuple(terms.figure(name) for name in shown), rows, note)]


def brackets(over: str = "groups") -> str:
    """What stands in brackets behind a figure, in a sentence."""
    return f"In brackets {interval_method(over)}."


def _cell(row: Mapping[Any, Any], name: str, naming: Naming) -> str:
    value = row[name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return naming(value) if value else ""
    return _number(name, value, *_ends(row, name))


def _ends(row: Mapping[Any, Any], name: str) -> tuple[Any, Any]:
    low, high = (row.get(f"{name}_{end}") for end in ("low", "high"))
    return (None, None) if isinstance(low, str) or isinstance(high, str) else (low, high)


def _number(name: str, value: Any, low: Any, high: Any) -> str:
    if value is None or pd.isna(value):
        return "–" if name in _COUNTS or is_p(name) else numbers.UNDEFINED
    if isinstance(value, int) or name in _COUNTS:
        return numbers.count(value)
    if is_p(name):
        return numbers.p_value(value)
    return numbers.estimate(value, low, high)


def is_p(name: str) -> bool:
    """Whether a column or figure of this name is a probability under no difference."""
    return name == "p" or name.endswith("_p") or name.startswith("p_")
