"""Table of predictions for the terminal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scanvote.predict.schema import FileError, ScanPrediction
from scanvote.predict.tables import Add

SHOWN = 50
"""Maximum of rows; more belong into a file."""
OUTSIDE = (
    "outside: farther than 1 from all that the networks for the vote, or for the mask, were"
    " trained on; that answer means little"
)


@contextmanager
def table_on_terminal() -> Iterator[Add]:
    """Print the first rows at the end, and the number of others."""
    first, count = list[ScanPrediction | FileError](), 0

    def add(one: ScanPrediction | FileError, pictures: Mapping[str, str]) -> None:
        nonlocal count
        count += 1
        if len(first) < SHOWN:
            first.append(one)

    yield add
    console = Console()
    predictions = [one for one in first if isinstance(one, ScanPrediction)]
    if predictions:
        console.print(_table(predictions))
    if any(one.familiarity.outside or one.mask.familiarity.outside for one in predictions):
        console.print(OUTSIDE)
    for one in first:
        if isinstance(one, FileError):
            console.print(f"not read: {one.reason}", style="red", markup=False)
    if count > SHOWN:
        console.print(f"… and {count - SHOWN:,} more; --out writes all")


def _table(predictions: list[ScanPrediction]) -> Table:
    unwrapped = ("vote", "p", "agree", "tumour", "outside")
    file = Column("file", overflow="fold")
    table = Table(file, *(Column(name, no_wrap=True) for name in unwrapped), box=SIMPLE_HEAD)
    for one in predictions:
        table.add_row(*map(escape, _cells(one)))
    return table


def _cells(one: ScanPrediction) -> list[str]:
    probability = f"{one.probabilities[one.vote]:.3f}"
    agreeing = f"{round(one.agreement * len(one.members))} of {len(one.members)}"
    return [_scan(one), _vote(one), probability, agreeing, _tumour(one), _outside(one)]


def _scan(one: ScanPrediction) -> str:
    position = "" if one.slice is None else f", {one.plane or 'slice'} {one.slice}"
    return f"{one.file}{position}"


def _vote(one: ScanPrediction) -> str:
    point = one.operating
    if point is None or point.called == (one.vote == point.positive):
        return one.vote
    # vote and operating point can differ: the vote is the more probable class, while the
    # operating point calls the positive class from its threshold on
    return f"{one.vote}, {'to be called' if point.called else 'not called'} {point.positive}"


def _tumour(one: ScanPrediction) -> str:
    mask = one.mask
    if not mask.area_pixels:
        return "none"
    if mask.area_mm2 is None:
        return f"{mask.area_pixels:,} pixels"
    return f"{mask.area_mm2:,.0f} mm²"


def _outside(one: ScanPrediction) -> str:
    """Name the predictions that are out-of-distribution, with their distance."""
    scores = {"vote": one.familiarity, "mask": one.mask.familiarity}
    return ", ".join(f"{name} {ood.distance:.1f}" for name, ood in scores.items() if ood.outside)
