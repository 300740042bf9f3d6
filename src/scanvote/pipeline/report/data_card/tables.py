"""Counts of scans and patients as Markdown tables."""

from collections.abc import Iterable, Sequence

import pandas as pd

from scanvote.datasets.base import METADATA_FIELDS
from scanvote.manifest import owners

UNKNOWN = "unknown"
SHOWN = 8
"""Values with their own row in a table; the others share one."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; whole numbers get commas between the thousands."""
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def classes(scans: pd.DataFrame) -> pd.Series:
    """Return the label of each scan, else whether its mask is empty."""
    marked = (scans["mask_pixels"] > 0).map({True: "mask with a lesion", False: "empty mask"})
    return scans["label"].where(scans["label"] != "", marked)


def class_table(scans: pd.DataFrame) -> str:
    """Count the scans and patients of each class and data set."""
    sources = sorted(set(scans["source"]))
    several = sources if len(sources) > 1 else []
    rows = []
    for name, part in scans.groupby(classes(scans)):
        by_source = [int((part["source"] == source).sum()) for source in several]
        rows.append([name, len(part), *by_source, *_patient_cells(scans, part)])
    return table(["class", "scans", *several, *_patient_cells(scans)], rows)


def cross_table(scans: pd.DataFrame, column: str, values: Sequence[str], text: str) -> str:
    """Count the scans of each class by the values of a column.

    Args:
        scans: a manifest.
        column: one of its columns.
        values: the values of `column`, one column of the table each.
        text: the name of `column` in the head of the table.
    """
    rows: list[list[object]] = [
        [name, *(int((part[column] == value).sum()) for value in values)]
        for name, part in scans.groupby(classes(scans))
    ]
    rows.append(["all", *(int((scans[column] == value).sum()) for value in values)])
    if _patient_cells(scans):
        rows.append(["patients", *(patients(scans[scans[column] == value]) for value in values)])
    return table([f"class \\ {text}", *values], rows)


def patients(scans: pd.DataFrame) -> str:
    """Count the patients, and the scans whose patient is unknown."""
    known = scans["patient"] != ""
    if not known.any():
        return UNKNOWN if len(scans) else "0"
    number = f"{scans['patient'][known].nunique():,}"
    return number if known.all() else f"{number}; {UNKNOWN} for {int((~known).sum()):,} scans"


def _patient_cells(scans: pd.DataFrame, part: pd.DataFrame | None = None) -> list[str]:
    """Return the cell of the patient column; none if all are unknown.

    Without `part` it is the head of the column.
    """
    if not (scans["patient"] != "").any():
        return []
    return ["patients" if part is None else patients(part)]


def value_table(scans: pd.DataFrame, values: pd.Series, name: str) -> str:
    """Count the scans and patients of each value, the most frequent first."""
    named = values.where(values != "", "none given")
    counts = named.value_counts().rename_axis("value").reset_index(name="scans")
    counts = counts.sort_values(["scans", "value"], ascending=[False, True], kind="stable")
    order = counts["value"].tolist()
    shown = {one: named == one for one in order[:SHOWN]}
    if rest := order[SHOWN:]:
        shown[f"{len(rest)} others"] = named.isin(rest)
    rows = [[one, int(has.sum()), *_patient_cells(scans, scans[has])] for one, has in shown.items()]
    return table([name, "scans", *_patient_cells(scans)], rows)


def metadata_tables(scans: pd.DataFrame) -> list[str]:
    """Return a table of each metadata field; ages as a range."""
    return [
        _ages(scans) if field == "age" else value_table(scans, scans[field], field)
        for field in METADATA_FIELDS
        if field in scans
    ]


def _ages(scans: pd.DataFrame) -> str:
    ages = pd.to_numeric(scans["age"][~owners(scans).duplicated()], errors="coerce")
    known = ages.dropna()
    missing = f"; {UNKNOWN} for {len(ages) - len(known)}" if len(known) < len(ages) else ""
    if known.empty:
        return f"Age: {UNKNOWN}."
    return (
        f"Age: {known.min():g} to {known.max():g} years, median {known.median():g},"
        f" of {len(known)} patients{missing}."
    )


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return " ".join(str(value).split()).replace("|", "\\|")
