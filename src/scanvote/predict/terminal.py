"""What is said of scans, for whoever sits at a terminal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scanvote.predict.schema import FileError, ScanPrediction
from scanvote.predict.tables import Add

SHOWN = 50
"""Rows: more belong into a file."""
OUTSIDE = (
    "outside: farther than 1 from all that the networks for the vote, or for the mask, were"
    " trained on; that answer means little"
)


@contextmanager
def table_on_terminal() -> Iterator[Add]:
    """A table of the first rows, and how many more there are, shown at the end."""
    first, count = list[ScanPrediction | FileError](), 0

    def add(one: ScanPrediction | FileError, pictures: Mapping[str, str]) -> None:
        nonlocal count
        count += 1
        if len(first) < SHOWN:
            first.append(one)

    yield add
    console = Console()
    found = [one for one in first if isinstance(one, ScanPrediction)]
    if found:
        console.print(_table(found))
    if any(one.familiarity.outside or one.mask.familiarity.outside for one in found):
        console.print(OUTSIDE)
    for one in first:
        if isinstance(one, FileError):
            console.print(f"not read: {one.reason}", style="red", markup=False)
    if count > SHOWN:
        console.print(f"… and {count - SHOWN:,} more; --out writes all")


def _table(said: list[ScanPrediction]) -> Table:
    whole = ("vote", "p", "agree", "tumour", "outside")
    file = Column("file", overflow="fold")
    shown = Table(file, *(Column(name, no_wrap=True) for name in whole), box=SIMPLE_HEAD)
    for one in said:
        shown.add_row(*map(escape, _cells(one)))
    return shown


def _cells(one: ScanPrediction) -> list[str]:
    share = f"{one.probabilities[one.vote]:.3f}"
    agreeing = f"{round(one.agreement * len(one.members))} of {len(one.members)}"
    return [_whose(one), _vote(one), share, agreeing, _tumour(one), _outside(one)]


def _whose(one: ScanPrediction) -> str:
    cut = "" if one.slice is None else f", {one.plane or 'slice'} {one.slice}"
    return f"{one.file}{cut}"


def _vote(one: ScanPrediction) -> str:
    point = one.operating
    if point is None or point.called == (one.vote == point.positive):
        return one.vote
    # two rules may part: the vote takes the likelier class, the point the one not to miss
    return f"{one.vote}, {'to be called' if point.called else 'not called'} {point.positive}"


def _tumour(one: ScanPrediction) -> str:
    mask = one.mask
    if not mask.area_pixels:
        return "none"
    if mask.area_mm2 is None:
        return f"{mask.area_pixels:,} pixels"
    return f"{mask.area_mm2:,.0f} mm²"


def _outside(one: ScanPrediction) -> str:
    """Which answer it concerns, and how far outside."""
    far = {"vote": one.familiarity, "mask": one.mask.familiarity}
    return ", ".join(f"{name} {its.distance:.1f}" for name, its in far.items() if its.outside)
