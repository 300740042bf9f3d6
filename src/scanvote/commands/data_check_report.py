"""The report that `scanvote data check` prints. Research use, not for diagnosis."""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scanvote.commands.data_check import Check, check, patients
from scanvote.commands.data_check_outcome import changed_since, show_params
from scanvote.commands.data_check_params import command
from scanvote.commands.data_check_rehearsal import usable_classes
from scanvote.commands.data_check_roles import roles_of
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout
from scanvote.datasets.user_data.folders import CLASS_FOLDERS
from scanvote.datasets.user_data.layout import (
    DatasetLayout,
    Kind,
    NotForTask,
    SkippedFile,
    first_few,
)
from scanvote.datasets.user_data.readings import AmbiguousLayout
from scanvote.params import Params, Task, load_params

NAMES: Mapping[Kind, str] = {
    "image": "images",
    "nifti": "NIfTI volumes",
    "itk": "NRRD or MetaImage volumes",
    "dicom": "DICOM series",
    "array": "pictures in arrays",
}
SHOWN = 20
"""Maximum of classes in the table."""
FEW_PATIENTS = 6
"""Minimum of folders that are plausible patients: every split needs some of them."""

OF_FOLDERS = ("a folder a class", "images with masks in")
"""Start of the layouts whose folders the user may arrange; others have a published form."""


def check_and_show(path: Path, task: Task | None) -> None:
    """Check the data in `path`, and print the report and the params.

    Args:
        path: a folder or a table.
        task: the task; None for every task that the data can serve.

    Raises:
        InputError: the data can serve no task, or can be read in several ways, which are printed.
    """
    params = load_params()
    tasks: list[Task] = [task] if task else ["segmentation", "classification"]
    console = Console(width=None if sys.stdout.isatty() else 200)
    checks, others = _checks(path, tasks, params)
    for one_task, error in zip(tasks, others, strict=False):
        if not checks and isinstance(error, AmbiguousLayout):
            _show_readings(path, one_task, error, console)
            raise InputError(f"{path} can be read in several ways; choose one as shown")
    if not checks:
        # data without masks are of classes, and what is wrong with these counts
        wrong = [one for one in others if not isinstance(one, NotForTask)] or others
        raise InputError("; ".join(dict.fromkeys(map(str, wrong))))
    _show_all(path, checks, others, params, console)
    refused = show_params(path, checks, params, console)
    console.print(DISCLAIMER, style="dim")
    if refused:
        raise InputError(refused)


def _show_all(
    path: Path,
    checks: Sequence[Check],
    others: Sequence[InputError | str],
    params: Params,
    console: Console,
) -> None:
    """Print what was found for each task, and why not for the others."""
    console.print(f"[bold]{escape(str(path))}[/]", highlight=False)
    for one in checks:
        show(one, params, console)
    for text in others:
        short = str(text).replace(str(path), "this", 1)
        console.print(f"\n{escape(short)}", highlight=False, soft_wrap=True)


def _checks(
    path: Path, tasks: Sequence[Task], params: Params
) -> tuple[list[Check], list[InputError | str]]:
    """Check each task that the data can serve; explain the others."""
    checks: list[Check] = []
    others: list[InputError | str] = []
    for task in tasks:
        try:
            if checks and path.is_dir():
                others.append(_also_classes(read_layout(path, task, params)))
            else:
                checks.append(check(path, task, params))
        except InputError as error:
            if not checks:  # masks without classes are normal
                others.append(error)
    return checks, others


def _show_readings(path: Path, task: Task, error: AmbiguousLayout, console: Console) -> None:
    """Print each way to read the data with its params."""
    named = command({task: {"dataset": os.path.abspath(path)}})
    lines = [f"{path}: {error.why}"]
    for number, reading in enumerate(error.readings, 1):
        lines += ["", f"  {number}. {reading.text}", f"     {named} {reading.options}"]
        lines.append(f"     or in params.yaml, which this check follows too: {reading.yaml}")
    for line in [*lines, ""]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _also_classes(reading: DatasetLayout) -> str:
    """Tell which classes the data has beside its masks.

    Folders of images with masks are taken for patients unless the user says they are classes.
    """
    labels = sorted({item.label for item in reading.items})
    if reading.kind == CLASS_FOLDERS:
        return (
            f"classification would take its {len(labels)} folders for classes"
            f" ({first_few(labels)}); if they are, add --task classification"
        )
    return (
        f"{reading.kind} serves classification as well, with {len(labels)} classes"
        f" ({first_few(labels)}); for that, add --task classification"
    )


def show(one: Check, params: Params, console: Console) -> None:
    """Print the facts and the issues of the data for one task."""
    console.print(f"\n[bold]{one.task}[/]: {one.reading.kind}", highlight=False)
    grid = Table.grid(padding=(0, 2))
    for name, text in (*_facts(one), *_roles(one, params)):
        grid.add_row(f"  {name}", escape(text))
    console.print(grid)
    if one.task == "classification":
        console.print(_classes(one))
    for line in [*changed_since(one.task, one.path, params), *_issues(one)] or [
        "nothing is wrong with what was looked into"
    ]:
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def _roles(one: Check, params: Params) -> Iterator[tuple[str, str]]:
    """Tell which class must not be missed, or that this has to be said."""
    if one.task != "classification":
        return
    roles = roles_of(usable_classes(one, params), params)
    line = f"{' or '.join(roles.choices)}? the names do not tell" if roles.choices else roles.line
    if line:
        yield "not to miss", line


def _facts(one: Check) -> Iterator[tuple[str, str]]:
    kinds = Counter(item.kind for item in one.reading.items)
    yield "holds", ", ".join(f"{kinds[kind]:,} {NAMES[kind]}" for kind in NAMES if kinds[kind])
    if len(one.looked) < len(one.reading.items):
        part = Counter(_unit(item.kind) for item in one.looked)
        yield "looked into", ", ".join(f"{count:,} {kind}s" for kind, count in part.items())
    if kinds["nifti"] + kinds["itk"] + kinds["dicom"]:
        slices = sum(1 for scan in one.scans if scan.series)
        yield "slices", f"{slices:,} from the volumes looked into, cut by the settings in volumes"
    yield "patients", _patients(one)
    parts = Counter(item.source_split for item in one.reading.items if item.source_split)
    if parts:
        yield "parts", ", ".join(f"{part} {count:,}" for part, count in parts.items())
    yield from _pixels(one)
    yield from _numbered_classes(one)
    for note in one.reading.notes:
        name, _, text = note.partition(": ")
        yield name, text
    if one.reading.skipped:
        yield "not used", _skipped(one.reading.skipped)


def _unit(kind: Kind) -> str:
    return "image" if kind in ("image", "array") else "volume"


def _patients(one: Check) -> str:
    known, unknown = patients(one)
    if not known:
        return f"unknown: only very similar scans will stay together; better {_name_patients(one)}"
    rest = f"; unknown of {unknown:,} scans" if unknown else ""
    told = all(item.patient for item in one.reading.items)
    whole = len(one.looked) == len(one.reading.items)
    part = "" if told or whole else " in what was looked into"
    return f"{known:,}{part}{rest}"


def _name_patients(one: Check) -> str:
    """Say how the user can name the patients in data of this layout."""
    file = f"data/patients/{one.task}.csv"
    if one.reading.kind == "a table":
        return f"add a column `patient`, or write {file}"
    if not one.reading.kind.startswith(OF_FOLDERS):
        return f"write {file}"
    below = " below its class" if one.task == "classification" else ""
    return f"make a folder for each patient{below}, add a table, or write {file}"


def _pixels(one: Check) -> Iterator[tuple[str, str]]:
    files = [file for file in one.file_checks if not file.problem]
    sizes = Counter((file.width, file.height) for file in files)
    if len(sizes) == 1:
        yield "pixels", "{}x{}".format(*next(iter(sizes)))
    elif sizes:
        low, high = (f"{end(w for w, _ in sizes)}x{end(h for _, h in sizes)}" for end in (min, max))
        yield "pixels", f"{low} to {high}, {len(sizes)} sizes"
    modes = Counter(file.mode or "other" for file in files)
    colours = "with colours" if one.coloured else "grey"
    yield (
        "stored as",
        ", ".join(f"{mode} {n:,}" for mode, n in modes.most_common()) + f"; {colours}",
    )
    if one.task == "segmentation":
        marked = sum(file.mask_pixels > 0 for file in files)
        yield "masks", f"{marked:,} mark something, {len(files) - marked:,} are empty"


def _numbered_classes(one: Check) -> Iterator[tuple[str, str]]:
    """Tell how to name classes that are numbers."""
    labels = {item.label for item in one.reading.items} - {""}
    if one.task != "classification" or not all(label.isdecimal() for label in labels):
        return
    unnamed = sorted(labels - one.renamed, key=int)
    if unnamed:
        option = f"-S '++classification.labels={{{unnamed[0]}: healthy}}'"
        yield "labels", f"{first_few(unnamed)} are numbers; name them, such as by {option}"


def _classes(one: Check) -> Table:
    counts = Counter(item.label for item in one.reading.items)
    patients_of: dict[str, set[str]] = {}
    for item in one.reading.items:
        patients_of.setdefault(item.label, set()).add(item.patient)
    known = any(any(names) for names in patients_of.values())
    flat = all(_unit(item.kind) == "image" for item in one.reading.items)
    unit = "images" if flat else "items"
    table = Table("class", unit, *["patients"] * known, box=None, padding=(0, 2))
    for label, count in list(counts.items())[:SHOWN]:
        cells = [str(len(patients_of[label] - {""}))] if known else []
        table.add_row(escape(label), f"{count:,}", *cells)
    if len(counts) > SHOWN:
        table.add_row(f"{len(counts) - SHOWN} more", "", *[""] * known)
    return table


def _issues(one: Check) -> Iterator[str]:
    """Yield one line per kind of issue."""
    # an issue of a scan or a class needs its name, one of the whole data set does not
    names = {scan.path for scan in one.scans} | {scan.label for scan in one.scans}
    for kind in one.issues["kind"].unique():
        rows = one.issues[one.issues["kind"] == kind]
        details = [
            f"{path}: {detail}" if path in names else str(detail)
            for path, detail in zip(rows["path"], rows["detail"], strict=True)
        ]
        count = f", {len(rows):,}" if rows["path"].isin(names).any() else ""
        excluded = ", left out" if rows["excluded"].all() else ""
        yield f"! {kind}{count}{excluded}: {_first_details(details)}"
    if one.unreadable:
        reasons = first_few(item.reason for item in one.unreadable)
        yield f"! cannot be read, {len(one.unreadable):,}, left out: {reasons}"
    folders = sorted(_patient_folders(one.reading))
    if 0 < len(folders) < FEW_PATIENTS:
        yield (
            f"! few_patients: the folders {first_few(folders)} are taken for patients; if they are"
            " none, set folders.patient_level: 0, or list the scans in a table"
        )


def _first_details(details: Sequence[str]) -> str:
    """Return the first `details`, with the clause after ``;`` that all end with only once."""
    tails = {detail.partition("; ")[2] for detail in details}
    if len(details) < 2 or len(tails) > 1 or tails == {""}:
        return first_few(details)
    return f"{first_few(detail.partition('; ')[0] for detail in details)}; {tails.pop()}"


def _ending(name: str) -> str:
    suffixes = PurePosixPath(name.lower()).suffixes[-2:]
    packed = suffixes[-1:] == [".gz"]
    return "".join(suffixes if packed else suffixes[-1:]) or "no ending"


def _patient_folders(reading: DatasetLayout) -> set[str]:
    """Return the patients' folders; none if a table or header tells patients."""
    items = [item for item in reading.items if item.patient]
    if any(item.listed or item.patient == item.header_patient for item in items):
        return set()
    return {item.patient for item in items}


def _skipped(files: Sequence[SkippedFile]) -> str:
    """Count the skipped files by reason, and by ending."""
    lines = []
    for reason, count in Counter(one.reason for one in files).most_common():
        names = [one.name for one in files if one.reason == reason]
        endings = Counter(_ending(name) for name in names)
        by_ending = first_few((f"{n} {ending}" for ending, n in endings.most_common()), 4)
        lines.append(f"{count:,} ({by_ending}): {reason}, such as {names[0]}")
    return "\n".join(lines)
