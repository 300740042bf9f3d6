"""The part on shortcuts: classifiers that see only size, border and intensities."""

from collections.abc import Iterator

import pandas as pd

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Heading, Text
from scanvote.pipeline.report.pictures import picture, side_by_side
from scanvote.pipeline.report.report_data import ReportData
from scanvote.pipeline.report.tables import frame_table

FOLDER = "metrics/inflation/classification"
_FEATURES = {
    "border": "border: mean, standard deviation, minimum",
    "intensity": "intensities, without their position",
    "border_pixels": "border pixels of the scan at 32x32",
    "all": "all of these",
    "source": "the source itself",
}
_COLUMNS = ("features", "probe", "scans", "balanced_accuracy", "macro_f1")


def shortcuts(report: ReportData) -> list[Block]:
    """Return text, tables and figure on shortcuts; nothing without measurements."""
    table = report.table(f"{FOLDER}/shortcuts.csv")
    if table.empty:
        return []
    shown = picture(
        report,
        f"{FOLDER}/shortcuts.png",
        "Balanced accuracy with intervals, and the sensitivity of each class, by the input of the"
        " classifier; the numbers are in the tables above",
        "Balanced accuracy and sensitivities from size, border and intensities alone.",
    )
    return [
        Heading("Prediction from size, border and intensities alone"),
        Text(" ".join(_sentences(report, table))),
        *(block for target in ("class", "source") for block in _table(table, target)),
        *side_by_side(shown),
    ]


def shortcut_limit(report: ReportData) -> Iterator[str]:
    """Yield a sentence if shortcuts predict the class above chance."""
    table = report.table(f"{FOLDER}/shortcuts.csv")
    if not table.empty and _above_chance(probe := _all_features(table, "class")):
        yield (
            "Size, border and intensities of a scan alone predict its class with a balanced"
            f" accuracy of {_estimate(probe, 'balanced_accuracy')}, where chance is"
            f" {numbers.number(probe['chance_balanced_accuracy'], 2)}: part of the results of the"
            " classification may rest on where a scan comes from, not on what it shows."
        )


def _sentences(report: ReportData, table: pd.DataFrame) -> Iterator[str]:
    probe = _all_features(table, "class")
    yield (
        "Small classifiers, a random forest and a logistic regression, see the size of a scan, a"
        " narrow border of it, or the histogram of its intensities, but not its content. In"
        " cross-validation over whole groups, all of this together predicts the class with a"
        f" balanced accuracy of {_estimate(probe, 'balanced_accuracy')}; chance is"
        f" {numbers.number(probe['chance_balanced_accuracy'], 2)}."
    )
    if pd.isna(probe["balanced_accuracy_low"]):
        yield "The groups are too few for an interval: whether this is above chance is not known."
        return
    if not _above_chance(probe):
        yield "The interval does not lie above chance: no shortcut of this kind was shown."
        return
    yield from _best_class(table)
    yield (
        "Part of the results of the classification may rest on where a scan comes from, not on"
        " what it shows. The size of that part is not known: the plane of a slice, which differs"
        " between diseases, shows at its border, and a bright lesion in the intensities."
    )
    evaluated = report.metrics_of("evaluate", "classification")
    if "vote_balanced_accuracy" in evaluated:
        yield (
            "For comparison, the balanced accuracy of the vote is"
            f" {numbers.metric(evaluated, 'vote_balanced_accuracy')}."
        )
    yield from _source(table)


def _best_class(table: pd.DataFrame) -> Iterator[str]:
    """Name the class that the border predicts best, if above chance."""
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
    if len(labels) < 3:  # with two classes both are predicted equally well
        return
    both = {one: row[f"sensitivity_{one}"] + row[f"specificity_{one}"] for one in labels}
    best = max(sorted(both), key=lambda one: both[one], default=None)
    if best is not None and row[f"sensitivity_{best}_low"] > 1 - row[f"specificity_{best}"]:
        yield (
            f"The border of the scan alone predicts the class {terms.words(best)} best, with a"
            f" sensitivity of {_estimate(row, f'sensitivity_{best}')} and a specificity of"
            f" {_estimate(row, f'specificity_{best}')}."
        )


def _source(table: pd.DataFrame) -> Iterator[str]:
    """Say how well shortcuts predict the source, if there are several."""
    if "source" not in set(table["target"]):
        return
    probe = _all_features(table, "source")
    known = "sensitivity_known" in probe.dropna()
    target = "whether the origin of a scan is known" if known else "the source of a scan"
    doubt = "" if _above_chance(probe) else ", and the result is not shown to be above it"
    yield (
        f"The same classifiers predict {target} with a balanced accuracy of"
        f" {_estimate(probe, 'balanced_accuracy')}; chance is"
        f" {numbers.number(probe['chance_balanced_accuracy'], 2)}{doubt}."
    )


def _all_features(table: pd.DataFrame, target: str) -> "pd.Series[float]":
    rows = table[(table["target"] == target) & (table["features"] == "all")]
    return rows.iloc[0]


def _above_chance(probe: "pd.Series[float]") -> bool:
    return bool(probe["balanced_accuracy_low"] > probe["chance_balanced_accuracy"])


def _estimate(row: "pd.Series[float]", name: str) -> str:
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return numbers.estimate(value, low, high)


def _table(table: pd.DataFrame, target: str) -> list[Block]:
    rows = table[table["target"] == target].dropna(axis=1, how="all")
    if rows.empty:
        return []
    sensitivities = [name for name in map(str, rows) if name.startswith("sensitivity_")]
    first = rows.iloc[0]
    note = (
        f"Chance: a balanced accuracy of {numbers.number(first['chance_balanced_accuracy'])};"
        f" always predicting the most frequent {target} has a macro F1 of"
        f" {numbers.number(first['chance_macro_f1'])}."
    )
    caption = f"The {target} of a scan, predicted from its size, border and intensities alone."
    naming = {"features": lambda name: _FEATURES.get(name, terms.words(name))}
    columns = (*_COLUMNS, *sensitivities)
    return frame_table(rows, caption, naming, columns, note, source=f"{FOLDER}/shortcuts.csv")
