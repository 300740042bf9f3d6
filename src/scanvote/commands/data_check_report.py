"""The page that `scanvote data check` prints. Research use, not for diagnosis."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scanvote.commands.data_check import Check, check, patients
from scanvote.commands.data_check_params import as_yaml, command, param_overrides
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout
from scanvote.datasets.user_data.layout import DatasetLayout, Kind, SkippedFile, some
from scanvote.params import Params, Task, load_params

NAMES: Mapping[Kind, str] = {
    "image": "images",
    "nifti": "NIfTI volumes",
    "dicom": "DICOM series",
}
SHOWN = 20
"""Classes that are shown."""
FEW_PATIENTS = 6
"""Fewer are hardly patients: a split wants some in each of its parts."""


def check_and_show(path: Path, task: Task | None) -> None:
    """The command: check the data in `path` for `task`, or for every task they can serve.

    Raises:
        InputError: they can serve none.
    """
    params = load_params()
    checks, others = _checks(path, [task] if task else ["segmentation", "classification"], params)
    if not checks:
        raise InputError("; ".join(dict.fromkeys(others)))
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(f"[bold]{escape(str(path))}[/]", highlight=False)
    for one in checks:
        show(one, console)
    for text in others:
        said = text.replace(str(path), "this", 1)
        console.print(f"\n{escape(said)}", highlight=False, soft_wrap=True)
    wanted = param_overrides(checks, params)
    console.print("\n[bold]params.yaml[/]: change these keys, or")
    for text in (f"  {command(wanted)}", "", as_yaml(wanted)):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(DISCLAIMER, style="dim")


def _checks(path: Path, tasks: Sequence[Task], params: Params) -> tuple[list[Check], list[str]]:
    """A check for each task that the data can serve, and what is to be said of the others."""
    checks: list[Check] = []
    others: list[str] = []
    for task in tasks:
        try:
            if checks and path.is_dir():
                others.append(_perhaps(read_layout(path, task)))
            else:
                checks.append(check(path, task, params))
        except InputError as error:
            if not checks:  # masks without classes are as it should be
                others.append(str(error))
    return checks, others


def _perhaps(reading: DatasetLayout) -> str:
    """Images with masks in folders: the folders are patients, or classes as well."""
    labels = sorted({item.label for item in reading.items})
    return (
        f"classification would take its {len(labels)} folders for classes ({some(labels)});"
        " if they are, add --task classification"
    )


def show(one: Check, console: Console) -> None:
    """Print what was understood of the data for one task, and what is wrong with it."""
    console.print(f"\n[bold]{one.task}[/]: {one.reading.layout}", highlight=False)
    grid = Table.grid(padding=(0, 2))
    for name, text in _facts(one):
        grid.add_row(f"  {name}", escape(text))
    console.print(grid)
    if one.task == "classification":
        console.print(_classes(one))
    for line in list(_wrong(one)) or ["nothing is wrong with what was looked into"]:
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def _facts(one: Check) -> Iterator[tuple[str, str]]:
    kinds = Counter(item.kind for item in one.reading.items)
    yield "holds", ", ".join(f"{kinds[kind]:,} {NAMES[kind]}" for kind in NAMES if kinds[kind])
    if len(one.looked) < len(one.reading.items):
        part = Counter("image" if item.kind == "image" else "volume" for item in one.looked)
        yield "looked into", ", ".join(f"{count:,} {kind}s" for kind, count in part.items())
    if kinds["nifti"] + kinds["dicom"]:
        cut = sum(1 for scan in one.scans if scan.series)
        yield "slices", f"{cut:,}, cut from the volumes looked into by the section volumes"
    yield "patients", _patients(one)
    parts = Counter(item.source_split for item in one.reading.items if item.source_split)
    if parts:
        yield "parts", ", ".join(f"{part} {count:,}" for part, count in parts.items())
    yield from _pixels(one)
    for note in one.reading.notes:
        name, _, text = note.partition(": ")
        yield name, text
    if one.reading.left:
        yield "not used", _left(one.reading.left)


def _patients(one: Check) -> str:
    known, unknown = patients(one)
    if not known:
        return (
            "unknown: scans that are much alike will be held to be of one patient; better to"
            " tell them, by a folder each below the class, or a column of a table"
        )
    rest = f"; unknown of {unknown:,} scans" if unknown else ""
    part = " in what was looked into" if len(one.looked) < len(one.reading.items) else ""
    return f"{known:,}{part}{rest}"


def _pixels(one: Check) -> Iterator[tuple[str, str]]:
    seen = [this for this in one.seen if not this.problem]
    sizes = Counter((this.width, this.height) for this in seen)
    if len(sizes) == 1:
        yield "pixels", "{}x{}".format(*next(iter(sizes)))
    elif sizes:
        low, high = (f"{way(w for w, _ in sizes)}x{way(h for _, h in sizes)}" for way in (min, max))
        yield "pixels", f"{low} to {high}, {len(sizes)} sizes"
    modes = Counter(this.mode or "other" for this in seen)
    colours = "with colours" if one.coloured else "grey"
    yield (
        "stored as",
        ", ".join(f"{mode} {n:,}" for mode, n in modes.most_common()) + f"; {colours}",
    )
    if one.task == "segmentation":
        marked = sum(this.mask_pixels > 0 for this in seen)
        yield "masks", f"{marked:,} mark something, {len(seen) - marked:,} are empty"


def _classes(one: Check) -> Table:
    counts = Counter(item.label for item in one.reading.items)
    people: dict[str, set[str]] = {}
    for item in one.reading.items:
        people.setdefault(item.label, set()).add(item.patient)
    # those in headers are known of what was looked into only
    headers = any(item.kind == "dicom" for item in one.reading.items)
    known = not headers and any(any(keys) for keys in people.values())
    what = "images" if all(item.kind == "image" for item in one.reading.items) else "items"
    table = Table("class", what, *["patients"] * known, box=None, padding=(0, 2))
    for label, count in list(counts.items())[:SHOWN]:
        shown = [str(len(people[label] - {""}))] if known else []
        table.add_row(escape(label), f"{count:,}", *shown)
    if len(counts) > SHOWN:
        table.add_row(f"{len(counts) - SHOWN} more", "", *[""] * known)
    return table


def _wrong(one: Check) -> Iterator[str]:
    """What is wrong, a line a kind."""
    # a finding of a class names it, one of the whole set need not
    counted = {scan.path for scan in one.scans} | {scan.label for scan in one.scans}
    for kind in one.found["kind"].unique():
        rows = one.found[one.found["kind"] == kind]
        told = [
            f"{path}: {why}" if path in counted else str(why)
            for path, why in zip(rows["path"], rows["detail"], strict=True)
        ]
        scans = f", {len(rows):,}" if rows["path"].isin(counted).any() else ""
        excluded = ", left out" if rows["excluded"].all() else ""
        yield f"! {kind}{scans}{excluded}: {some(told)}"
    if one.unread:
        told_of = some(left.reason for left in one.unread)
        yield f"! cannot be read, {len(one.unread):,}, left out: {told_of}"
    known = sorted({item.patient for item in one.reading.items if item.patient})
    if 0 < len(known) < FEW_PATIENTS and not one.reading.items[0].listed:
        yield (
            f"! few_patients: the folders {some(known)} are taken for patients; if they are"
            " none, put all images into one folder, or list them in a table"
        )
    if one.mask_values:
        yield (
            f"! the masks hold the values {', '.join(map(str, one.mask_values))}: a pixel is"
            " marked from half of the largest value on; write masks of 0 and 255 if that is wrong"
        )


def _left(left: Sequence[SkippedFile]) -> str:
    """Counted by reason, and by ending."""
    said = []
    for reason, count in Counter(one.reason for one in left).most_common():
        names = [one.name for one in left if one.reason == reason]
        endings = Counter(PurePosixPath(name).suffix.lower() or "no ending" for name in names)
        which = some((f"{n} {ending}" for ending, n in endings.most_common()), 4)
        said.append(f"{count:,} ({which}): {reason}, such as {names[0]}")
    return "\n".join(said)
