"""The command `scanvote compare`: tables for a terminal, and for a file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scanvote.commands.compare import Comparison, Row, TaskComparison, compare_experiments
from scanvote.commands.compare_file import write_comparison
from scanvote.commands.compare_metrics import HEADLINE, Interval
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.core.overrides import override_value
from scanvote.metrics.bootstrap import MIN_GROUPS, interval_method
from scanvote.params import Task
from scanvote.pipeline.report.numbers import p_value
from scanvote.tracking.experiments import WORKSPACE, unfinished_experiments

_WIDE = 120
"""Columns of a terminal in which a value and its interval stand side by side."""
_TITLES: Mapping[Task, str] = {"classification": "the vote", "segmentation": "the U-Net"}
_METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "dice_patient_mean": "patient Dice",
}
_TESTS = {"mcnemar": "McNemar (accuracy)", "delong": "DeLong (AUROC)", "wilcoxon": "Wilcoxon"}


def show_comparison(names: list[str], out: Path | None) -> None:
    """Compare experiments; print tables, and write them to `out`.

    Args:
        names: see `compare_experiments`.
        out: a .csv or .json file; None to print only.

    Raises:
        InputError: `out` has another ending, or there is nothing to compare.
    """
    if out is not None and out.suffix not in (".csv", ".json"):
        raise InputError(f"{out} must end in .csv or .json")
    found = compare_experiments(names)
    print_comparison(found, Console(), unfinished_experiments() if not names else {})
    if out is not None:
        write_comparison(found, out)


def print_comparison(
    found: Comparison, console: Console, unfinished: Mapping[str, Sequence[str]]
) -> None:
    """Print the tables of each task, the settings that differ, and what to know about them.

    Args:
        unfinished: experiments without results, by their state.
    """
    for task in found.tasks:
        _show_task(task, console)
    _show_params(found, console)
    for note in _notes(found, unfinished):
        console.print(escape(note), highlight=False)


def _show_task(task: TaskComparison, console: Console) -> None:
    if task.rows:
        _show_figures(task, console)
    if task.differences:
        _show_differences(task, console)
    if task.apart:
        _show_apart(task, console)


def _show(console: Console, title: str, table: Table, note: str = "") -> None:
    # not as the table's own title and caption, which wrap at the width of the table
    console.print(f"[bold]{escape(title)}[/]", highlight=False)
    console.print(table)
    console.print(escape(note), highlight=False)
    if note:
        console.print()


def _show_figures(task: TaskComparison, console: Console) -> None:
    tested, metrics = task.rows[0].tested, HEADLINE[task.task]
    assert tested is not None
    names = [Column(_METRICS[name], no_wrap=True) for name in metrics]
    table = Table(Column("experiment", overflow="fold"), *names)
    for row in task.rows:
        cells = (_with_interval(row.figures[name], "–", console) for name in metrics)
        table.add_row(escape(row.name), *cells)
    title = f"{task.task}: {_TITLES[task.task]} on {tested.dataset}"
    unit = "patients" if task.task == "segmentation" else "groups"
    doubts = [f"{r.name}: {one}" for r in task.rows if r.tested for one in r.tested.doubts]
    note = f"{tested.size_words()}. {interval_method(unit)}."
    if any(np.isnan(one[1]) for row in task.rows for one in row.figures.values()):
        rarest = "; macro F1 and AUROC rest on those of the rarest class"
        of_classes = rarest if task.task == "classification" else ""
        note += f" No interval is given below {MIN_GROUPS} {unit}{of_classes}."
    _show(console, title, table, "\n".join([note, *doubts]))


def _show_differences(task: TaskComparison, console: Console) -> None:
    several = len(task.rows) > 2
    table = Table(
        Column("experiment", overflow="fold"),
        Column("metric", no_wrap=True),
        Column("difference", no_wrap=True),
        Column("p (Holm)" if several else "p", no_wrap=True),
        "in words",
    )
    metrics, last = HEADLINE[task.task], ""
    whole = "all" if len(metrics) > 1 else _METRICS[metrics[0]]
    for one in task.differences:
        if one.same:
            if one.name != last:
                table.add_row(escape(one.name), whole, "", "", one.words())
            last = one.name
            continue
        p = one.p_holm if several else one.p
        told = not np.isnan(one.difference[1])
        table.add_row(
            escape(one.name) if one.name != last else "",
            _METRICS[one.metric],
            _with_interval(one.difference, " to ", console, "+"),
            p_value(p) if told and not np.isnan(p) else "",
            escape(one.words()),
        )
        last = one.name
    title = f"{task.task}: each less {task.reference}, on the same test scans"
    tests = " and ".join(
        _TESTS[test] for test in dict.fromkeys(o.test for o in task.differences) if test
    )
    unit = "patients" if task.task == "segmentation" else "scans"
    note = f"p: {tests}, as if {unit} were independent; the words go by the interval."
    _show(console, title, table, note)


def _show_apart(task: TaskComparison, console: Console) -> None:
    metrics = HEADLINE[task.task]
    table = Table(
        Column("experiment", overflow="fold"),
        "tested on",
        *(Column(_METRICS[name].replace(" ", "\n"), no_wrap=True) for name in metrics),
        "why",
    )
    for row in task.apart:
        figures = [_number(row.figures[name][0]) if row.figures else "" for name in metrics]
        table.add_row(escape(row.name), escape(_tested_on(row)), *figures, escape(row.why))
    beside = f" with {task.reference}" if task.reference else ""
    _show(console, f"{task.task}: not compared{beside}", table)


def _tested_on(row: Row) -> str:
    return f"{row.tested.dataset}: {row.tested.size_words()}" if row.tested else ""


def _show_params(found: Comparison, console: Console) -> None:
    """Print a row for each value of each setting that differs."""
    differing = found.differing_params()
    if not differing:
        if len(found.experiments) > 1:
            console.print("No setting differs.\n")
        return
    table = Table(*(Column(name, overflow="fold") for name in ("setting", "value", "of")))
    for key, by_experiment in differing.items():
        values: dict[str, list[str]] = {}
        for name, value in by_experiment.items():
            values.setdefault(value, []).append(name)
        for place, (value, names) in enumerate(values.items()):
            table.add_row("" if place else key, escape(value), escape(", ".join(names)))
    _show(console, "settings that differ", table)


def _notes(found: Comparison, unfinished: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if found.stale:
        changed = ", ".join(
            f"{key} is {override_value(now)}, was {override_value(then)}"
            for key, (now, then) in found.stale.items()
        )
        yield (
            f"params.yaml was changed after the {WORKSPACE}'s results were made ({changed}):"
            " run `dvc repro`, or `git checkout params.yaml`."
        )
    comparisons = sum(len(task.differences) for task in found.tasks)
    if any(len(task.rows) > 2 for task in found.tasks):
        yield (
            f"These are {comparisons} differences: of 20 between equal models, one is expected to"
            " look real by chance. Confirm the one you choose on scans that chose nothing."
        )
    if len(found.experiments) == 1:
        yield "Nothing to compare with yet: `dvc exp run -S lr=1e-4` makes an experiment."
    if unfinished:
        words = "; ".join(f"{status}: {', '.join(one)}" for status, one in unfinished.items())
        yield f"Without results yet: {words} (`dvc queue status`)."
    yield DISCLAIMER


def _with_interval(interval: Interval, to: str, console: Console, sign: str = "") -> str:
    """Format a value with its interval, below it in a narrow terminal."""
    value, low, high = (_number(one, sign) for one in interval)
    if not low:
        return value
    return f"{value}{' ' if console.width >= _WIDE else chr(10)}({low}{to}{high})"


def _number(value: float, sign: str = "") -> str:
    return "" if np.isnan(value) else f"{value:{sign}.3f}".replace("-", "−")
