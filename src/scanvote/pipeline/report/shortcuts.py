"""The part on shortcuts: what size, border and intensities alone tell, and what follows."""

from collections.abc import Iterator

import pandas as pd

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Heading, Text
from scanvote.pipeline.report.pictures import picture, side_by_side
from scanvote.pipeline.report.report_data import ReportData
from scanvote.pipeline.report.tables import frame_table

FOLDER = "metrics/inflation/classification"
_FEATURES = {
    "border": "border: mean, deviation, minimum",
    "intensity": "intensities, without their place",
    "border_pixels": "border of the scan at 32 pixels a side",
    "all": "all of these",
    "source": "the source itself",
}
_TOLD = ("features", "probe", "scans", "balanced_accuracy", "macro_f1")


def shortcuts(facts: ReportData) -> list[Block]:
    """A heading, a paragraph, a table a target and the figure; nothing where none was measured."""
    table = facts.table(f"{FOLDER}/shortcuts.csv")
    if table.empty:
        return []
    shown = picture(
        facts,
        f"{FOLDER}/shortcuts.png",
        "Balanced accuracy with intervals, and the sensitivity of each class, by what the"
        " classifier is given; the figures stand in the tables above",
        "What size, border and intensities alone tell.",
    )
    return [
        Heading("What size, border and intensities alone tell"),
        Text(" ".join(_told(facts, table))),
        *(block for target in ("class", "source") for block in _table(table, target)),
        *side_by_side(shown),
    ]


def shortcut_limit(facts: ReportData) -> Iterator[str]:
    """A sentence, where the class is told above chance."""
    table = facts.table(f"{FOLDER}/shortcuts.csv")
    if not table.empty and _above_chance(found := _whole(table, "class")):
        yield (
            "Size, border and intensities of a scan alone tell its class with a balanced accuracy"
            f" of {_of(found, 'balanced_accuracy')}, where chance is"
            f" {numbers.number(found['chance_balanced_accuracy'], 2)}: part of the figures of the"
            " classification may rest on where a scan comes from, not on what it shows."
        )


def _told(facts: ReportData, table: pd.DataFrame) -> Iterator[str]:
    found = _whole(table, "class")
    yield (
        "Small classifiers, a random forest and a logistic regression, are given the size of a"
        " scan, a narrow border of it, or how frequent its intensities are, but not what is where"
        " inside it. In folds of whole groups all of this together tells the class with a balanced"
        f" accuracy of {_of(found, 'balanced_accuracy')}; chance is"
        f" {numbers.number(found['chance_balanced_accuracy'], 2)}."
    )
    if not _above_chance(found):
        yield "The interval does not lie above chance: no shortcut of this kind was shown."
        return
    yield from _best_class(table)
    yield (
        "Part of the figures of the classification may rest on where a scan comes from, not on"
        " what it shows. How large a part is not known: the plane of a slice, which differs between"
        " diseases, shows at its border, and a bright lesion in the intensities."
    )
    evaluated = facts.figures("evaluate", "classification")
    if "vote_balanced_accuracy" in evaluated:
        yield (
            "The balanced accuracy of the vote,"
            f" {numbers.of(evaluated, 'vote_balanced_accuracy')}, stands beside that."
        )
    yield from _source(table)


def _best_class(table: pd.DataFrame) -> Iterator[str]:
    """The class that the border tells best, by sensitivity and specificity, if above chance."""
    border = table[(table["target"] == "class") & (table["features"] == "border_pixels")]
    if border.empty:
        return
    row = border.sort_values("balanced_accuracy", kind="stable").iloc[-1]
    known = row.dropna()
    labels = [
        name.removeprefix("sensitivity_")
        for name in map(str, known.index)
        if name.startswith("sensitivity_") and f"{name}_low" in known
    ]
    if len(labels) < 3:  # of two each is told as well as the other
        return
    both = {one: row[f"sensitivity_{one}"] + row[f"specificity_{one}"] for one in labels}
    best = max(sorted(both), key=lambda one: both[one], default=None)
    if best is not None and row[f"sensitivity_{best}_low"] > 1 - row[f"specificity_{best}"]:
        yield (
            f"The class {terms.words(best)} is told best from the border of the scan alone, with a"
            f" sensitivity of {_of(row, f'sensitivity_{best}')} and a specificity of"
            f" {_of(row, f'specificity_{best}')}."
        )


def _source(table: pd.DataFrame) -> Iterator[str]:
    """How well the source is told, where there are several."""
    if "source" not in set(table["target"]):
        return
    found = _whole(table, "source")
    known = "sensitivity_known" in found.dropna()
    what = "Whether the origin of a scan is known" if known else "The source of a scan"
    above = "" if _above_chance(found) else ", which is not shown to be above it"
    yield (
        f"{what} is told with {_of(found, 'balanced_accuracy')}; chance is"
        f" {numbers.number(found['chance_balanced_accuracy'], 2)}{above}."
    )


def _whole(table: pd.DataFrame, target: str) -> "pd.Series[float]":
    rows = table[(table["target"] == target) & (table["features"] == "all")]
    return rows.iloc[0]


def _above_chance(found: "pd.Series[float]") -> bool:
    return bool(found["balanced_accuracy_low"] > found["chance_balanced_accuracy"])


def _of(found: "pd.Series[float]", name: str) -> str:
    value, low, high = (float(found[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return numbers.estimate(value, low, high)


def _table(table: pd.DataFrame, target: str) -> list[Block]:
    rows = table[table["target"] == target].dropna(axis=1, how="all")
    if rows.empty:
        return []
    each = [name for name in map(str, rows) if name.startswith("sensitivity_")]
    first = rows.iloc[0]
    note = (
        f"Chance: a balanced accuracy of {numbers.number(first['chance_balanced_accuracy'])}; who"
        " always names the most frequent one has a macro F1 of"
        f" {numbers.number(first['chance_macro_f1'])}."
    )
    caption = f"The {target} of a scan, told from its size, border and intensities alone."
    naming = {"features": lambda name: _FEATURES.get(name, terms.words(name))}
    return frame_table(rows, caption, naming, (*_TOLD, *each), note)
