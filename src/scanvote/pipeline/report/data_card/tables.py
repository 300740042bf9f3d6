"""Tables of a data card: counts of scans and patients as Markdown."""

from collections.abc import Iterable, Sequence

import pandas as pd

from scanvote.datasets.base import METADATA_FIELDS
from scanvote.manifest import owners

UNKNOWN = "unknown"
SHOWN = 8
"""Rows of a table of sizes or facts; what is left is summed up."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; whole numbers with commas between the thousands."""
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def classes(scans: pd.DataFrame) -> pd.Series:
    """What each scan shows: its label; without labels, whether its mask marks anything."""
    marked = (scans["mask_pixels"] > 0).map({True: "mask with a mark", False: "empty mask"})
    return scans["label"].where(scans["label"] != "", marked)


def class_table(scans: pd.DataFrame) -> str:
    """Scans and patients of each class and each data set."""
    sources = sorted(set(scans["source"]))
    several = sources if len(sources) > 1 else []
    rows = []
    for name, part in scans.groupby(classes(scans)):
        by_source = [int((part["source"] == source).sum()) for source in several]
        rows.append([name, len(part), *by_source, *_people(scans, part)])
    return table(["class", "scans", *several, *_people(scans)], rows)


def cross_table(scans: pd.DataFrame, column: str, values: Sequence[str], text: str) -> str:
    """Scans of each class in each part, named by the values of `column`."""
    rows: list[list[object]] = [
        [name, *(int((part[column] == value).sum()) for value in values)]
        for name, part in scans.groupby(classes(scans))
    ]
    rows.append(["all", *(int((scans[column] == value).sum()) for value in values)])
    if _people(scans):
        rows.append(["patients", *(patients(scans[scans[column] == value]) for value in values)])
    return table([f"class \\ {text}", *values], rows)


def patients(scans: pd.DataFrame) -> str:
    """Number of patients, and of the scans of which it is not known."""
    known = scans["patient"] != ""
    if not known.any():
        return UNKNOWN if len(scans) else "0"
    number = f"{scans['patient'][known].nunique():,}"
    return number if known.all() else f"{number}; {UNKNOWN} for {int((~known).sum()):,} scans"


def _people(scans: pd.DataFrame, part: pd.DataFrame | None = None) -> list[str]:
    """The head of the column of patients, or its cell for `part`; none if all are unknown."""
    if not (scans["patient"] != "").any():
        return []
    return ["patients" if part is None else patients(part)]


def value_table(scans: pd.DataFrame, values: pd.Series, name: str) -> str:
    """Scans and patients by value, the most frequent first."""
    named = values.where(values != "", "none given")
    counts = named.value_counts().rename_axis("value").reset_index(name="scans")
    counts = counts.sort_values(["scans", "value"], ascending=[False, True], kind="stable")
    order = counts["value"].tolist()
    shown = {one: named == one for one in order[:SHOWN]}
    if rest := order[SHOWN:]:
        shown[f"{len(rest)} others"] = named.isin(rest)
    rows = [[one, int(has.sum()), *_people(scans, scans[has])] for one, has in shown.items()]
    return table([name, "scans", *_people(scans)], rows)


def fact_tables(scans: pd.DataFrame) -> list[str]:
    """What is known beyond the label, a table a fact; ages as a range."""
    told = []
    for fact in (name for name in METADATA_FIELDS if name in scans):
        if fact == "age":
            told.append(_ages(scans))
        else:
            told.append(value_table(scans, scans[fact], fact))
    return told


def _ages(scans: pd.DataFrame) -> str:
    ages = pd.to_numeric(scans["age"][~owners(scans).duplicated()], errors="coerce")
    known = ages.dropna()
    missing = f"; of {len(ages) - len(known)} {UNKNOWN}" if len(known) < len(ages) else ""
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
