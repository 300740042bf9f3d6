"""Table of predictions for the terminal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.schema import FileError, MaskFinding, ScanPrediction
from scanvote.predict.tables import Add

SHOWN = 50
"""Maximum of rows; more belong into a file."""
OUTSIDE = (
    "outside: farther than 1 from all that the networks for the vote, or for the mask, were"
    " trained on; that answer means little"
)


@contextmanager
def table_on_terminal(contents: ModelMetadata) -> Iterator[Add]:
    """Print the first rows at the end, with their doubts, and the number of others."""
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
        console.print(_table(predictions, contents))
    if any(one.class_outside or one.mask_outside for one in predictions):
        console.print(OUTSIDE)
    for line in _doubts(predictions):
        console.print(line, markup=False, highlight=False)
    for one in first:
        if isinstance(one, FileError):
            console.print(f"not read: {one.reason}", style="red", markup=False)
    if count > SHOWN:
        console.print(f"… and {count - SHOWN:,} more; --out writes all")


def _doubts(predictions: list[ScanPrediction]) -> Iterator[str]:
    """Yield each doubt once, behind the first of its files."""
    files = dict[str, list[str]]()
    for one in predictions:
        for doubt in one.doubts:
            files.setdefault(doubt, []).append(_scan(one))
    for doubt, names in files.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"{names[0]}{more}: {doubt}"


def _table(predictions: list[ScanPrediction], contents: ModelMetadata) -> Table:
    names = ["vote", "p", "agree"] if contents.classifiers else []
    names += ["tumour"] if contents.segmenters else []
    columns = [Column(name, no_wrap=True) for name in (*names, "outside")]
    table = Table(Column("file", overflow="fold"), *columns, box=SIMPLE_HEAD)
    for one in predictions:
        table.add_row(*map(escape, _cells(one)))
    return table


def _cells(one: ScanPrediction) -> list[str]:
    cells = [_scan(one)]
    if one.vote is not None:
        agreeing = sum(member.vote == one.vote for member in one.members)
        cells += [_vote(one), f"{one.probabilities[one.vote]:.3f}"]
        cells += [f"{agreeing} of {len(one.members)}"]
    cells += [_tumour(one.mask)] if one.mask else []
    return [*cells, _outside(one)]


def _scan(one: ScanPrediction) -> str:
    position = "" if one.slice is None else f", {one.plane or 'slice'} {one.slice}"
    return f"{one.file}{position}"


def _vote(one: ScanPrediction) -> str:
    point, vote = one.operating, str(one.vote)
    if point is None or point.called == (vote == point.positive):
        return vote
    # vote and operating point can differ: the vote is the more probable class, while the
    # operating point calls the positive class from its threshold on
    return f"{vote}, {'yet called' if point.called else 'not called'} {point.positive}"


def _tumour(mask: MaskFinding) -> str:
    if not mask.area_pixels:
        return "none"
    doubt = " (doubtful)" if mask.too_large else ""
    if mask.area_mm2 is None:
        return f"{mask.area_pixels:,} pixels{doubt}"
    return f"{mask.area_mm2:,.0f} mm²{doubt}"


def _outside(one: ScanPrediction) -> str:
    """Name the predictions that are out-of-distribution, with their distance."""
    scores = {"vote": one.familiarity, "mask": one.mask.familiarity if one.mask else None}
    return ", ".join(
        f"{name} {ood.distance:.1f}" for name, ood in scores.items() if ood and ood.outside
    )
