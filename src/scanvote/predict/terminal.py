"""What is said of scans, for whoever sits at a terminal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scanvote.findings import Finding, Refusal
from scanvote.predict.tables import Add

SHOWN = 50
"""Rows: more belong into a file."""


@contextmanager
def table_on_terminal() -> Iterator[Add]:
    """A table of the first rows, and how many more there are, shown at the end."""
    first, count = list[Finding | Refusal](), 0

    def add(one: Finding | Refusal, pictures: Mapping[str, str]) -> None:
        nonlocal count
        count += 1
        if len(first) < SHOWN:
            first.append(one)

    yield add
    console = Console()
    console.print(_table(first))
    if count > SHOWN:
        console.print(f"… and {count - SHOWN:,} more; --out writes all")


def _table(said: list[Finding | Refusal]) -> Table:
    names = ("file", "vote", "probability", "members agree", "tumour", "")
    shown = Table(*(Column(name, overflow="fold") for name in names))
    for one in said:
        shown.add_row(*map(escape, _cells(one)))
    return shown


def _cells(one: Finding | Refusal) -> list[str]:
    if isinstance(one, Refusal):
        return [one.file, "", "", "", "", one.reason]
    share = f"{one.probabilities[one.vote]:.3f}"
    agreeing = f"{round(one.agreement * len(one.members))} of {len(one.members)}"
    return [_whose(one), _vote(one), share, agreeing, _tumour(one), "; ".join(_doubts(one))]


def _whose(one: Finding) -> str:
    cut = "" if one.slice is None else f", {one.plane or 'slice'} {one.slice}"
    return f"{one.file}{cut}"


def _vote(one: Finding) -> str:
    point = one.operating
    if point is None or point.called == (one.vote == point.positive):
        return one.vote
    # two rules may part: the vote takes the likelier class, the point the one not to miss
    return f"{one.vote}, {'to be called' if point.called else 'not called'} {point.positive}"


def _tumour(one: Finding) -> str:
    mask = one.mask
    if not mask.area_pixels:
        return "none found"
    if mask.area_mm2 is None:
        return f"{mask.area_pixels:,} pixels"
    return f"{mask.area_mm2:,.0f} mm²"


def _doubts(one: Finding) -> list[str]:
    far = one.familiarity
    outside = [f"outside what the model has seen ({far.distance:.1f})"] if far.outside else []
    return [*outside, *one.notes]
