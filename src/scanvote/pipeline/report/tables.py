"""Tables of pandas as report tables, with intervals and display names."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from scanvote.metrics.bootstrap import interval_method, no_interval, too_few
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Table

Naming = Callable[[str], str]
_COUNTS = frozenset({"scans", "groups", "patients", "slices", "trials", "wrong"})
"""Integer columns, which pandas reads as floats if a value is missing."""
_INTERVAL = re.compile(r"\(−?\d[\d.]*(–| to )−?\d")


def frame_table(
    frame: pd.DataFrame,
    caption: str,
    naming: Mapping[str, Naming] | None = None,
    columns: Sequence[str] = (),
    note: str = "",
    over: str = "groups",
    source: str = "",
) -> list[Block]:
    """Turn a DataFrame into a report table; none if it is empty.

    ``x_low`` and ``x_high`` are shown in brackets in the column ``x``.

    Args:
        frame: a table of a stage.
        caption: the caption of the table.
        naming: functions that give the display names in a column; `terms.words` for the others.
        columns: the columns to show, if they exist; all by default.
        note: a remark below the table, after the method of the intervals, if there are any.
        over: the units that the bootstrap of the intervals resamples.
        source: path of the file of the stage.
    """
    if frame.empty:
        return []
    present = [str(name) for name in frame.columns]
    ends = {name for name in present if name.endswith(("_low", "_high"))}
    shown = [name for name in (columns or present) if name in present and name not in ends]
    rows = tuple(
        tuple(_cell(row, name, (naming or {}).get(name, terms.words)) for name in shown)
        for row in frame.to_dict("records")
    )
    note = f"{interval_note(rows, over)} {note}".strip()
    return [Table(caption, tuple(terms.metric(name) for name in shown), rows, note, source)]


def interval_note(
    rows: Iterable[Iterable[str]], over: str = "groups", count: float | None = None
) -> str:
    """Say what the intervals in brackets are, or why there is none.

    Args:
        rows: cells as they are shown.
        over: the units that the bootstrap resamples, in the plural.
        count: number of these units.
    """
    if any(_INTERVAL.search(cell) for row in rows for cell in row):
        return brackets(over)
    if count is not None and too_few(int(count)):
        return f"{no_interval(int(count), over.removesuffix('s'))}."
    return ""


def brackets(over: str = "groups") -> str:
    """Say in a sentence what the intervals in brackets are."""
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
    """Return True if the column or metric is a p-value."""
    return name == "p" or name.endswith("_p") or name.startswith("p_")
