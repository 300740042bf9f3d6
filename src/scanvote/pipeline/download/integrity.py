"""The integrity report: what is wrong or strange with the files of a task, by stated rules."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.datasets.base import Scan
from scanvote.params import Task
from scanvote.pipeline.download.file_check import FileCheck

BOTH: tuple[Task, ...] = ("classification", "segmentation")
MIN_SCANS, MIN_PATIENTS = 10, 3
"""Below either, a class is tiny: some part of a split would hardly get any of it."""
MAX_MASK_SHARE = 0.5
"""Share of the pixels above which a mask is likely to be inverted."""
SHOWN = 5
"""Modes and sizes that are counted out in a finding."""
COLUMNS = ("kind", "path", "detail", "excluded", "rule")


@dataclass(frozen=True)
class Rule:
    """What makes a finding.

    Attributes:
        words: the rule as a person reads it.
        excludes: tasks in which the scan is left out for it.
        tasks: those in which it is looked for.
    """

    words: str
    excludes: tuple[Task, ...] = ()
    tasks: tuple[Task, ...] = BOTH


RULES = {
    "unreadable": Rule("The scan or its mask cannot be decoded.", BOTH),
    "mask_size": Rule("The mask has another width or height than its scan.", BOTH),
    "no_label": Rule("The scan has no class.", ("classification",), ("classification",)),
    "no_mask": Rule("The scan has no mask.", ("segmentation",), ("segmentation",)),
    # an empty slice at the end of a series is genuine
    "constant": Rule("All pixels of the scan are equal.", ("classification",)),
    "large_mask": Rule(f"The mask marks more than {MAX_MASK_SHARE:.0%} of the scan."),
    "tiny_class": Rule(
        f"The class has fewer than {MIN_SCANS} scans, or fewer than {MIN_PATIENTS} patients"
        " where all of its patients are known.",
        tasks=("classification",),
    ),
    "mixed_modes": Rule("The files of a data set differ in how they store a pixel."),
    "mixed_sizes": Rule("The scans of a data set differ in width or height."),
    "telling_format": Rule(
        f"A way to store a pixel, or a size, is that of {MIN_SCANS} scans or more of a data"
        " set, all of one class, though the set has others: a model could learn it instead.",
        tasks=("classification",),
    ),
}
"""Kinds of findings, those of a scan first."""


def rules(task: Task) -> dict[str, Rule]:
    """The kinds of findings that a task can have."""
    return {kind: rule for kind, rule in RULES.items() if task in rule.tasks}


@dataclass(frozen=True)
class Issue:
    """Of one scan, or of many where `path` names a class or a data set."""

    kind: str
    path: str
    detail: str


def blocking_issue(task: Task, scan: Scan, seen: FileCheck) -> Issue | None:
    """The fault for which a scan is left out of a task; None if it can be used."""
    for found in _of_scan(task, scan, seen):
        if task in RULES[found.kind].excludes:
            return found
    return None


def issues(
    task: Task, sources: Sequence[str], scans: Sequence[Scan], seen: Sequence[FileCheck]
) -> pd.DataFrame:
    """One row a finding, by kind, then in the order of the scans.

    Args:
        task: in which some kinds exclude a scan.
        sources: data set of each scan.
        scans: all that were brought.
        seen: what looking into their files told.

    Returns:
        kind, path (of a scan; else the class or the data set), detail, excluded, rule.
    """
    found = [
        one for scan, told in zip(scans, seen, strict=True) for one in _of_scan(task, scan, told)
    ]
    used = [
        (source, scan, told)
        for source, scan, told in zip(sources, scans, seen, strict=True)
        if blocking_issue(task, scan, told) is None
    ]
    found += [*_of_classes([scan for _, scan, _ in used]), *_of_sets(used)]
    order = {kind: number for number, kind in enumerate(RULES)}
    found.sort(key=lambda one: order[one.kind])
    rows = [
        (one.kind, one.path, one.detail, task in RULES[one.kind].excludes, RULES[one.kind].words)
        for one in found
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"excluded": bool})


def check_usable(task: Task, scans: Sequence[Scan], seen: Sequence[FileCheck]) -> None:
    """Refuse a task in which nothing can be learned: no scan, none of a class, one class only.

    Raises:
        InputError: naming the class and the first fault.
    """
    problems = [blocking_issue(task, scan, told) for scan, told in zip(scans, seen, strict=True)]
    usable = [number for number, one in enumerate(problems) if one is None]
    labels = {scans[number].label for number in usable}
    for scan, one in zip(scans, problems, strict=True):
        if one is not None and (not labels or scan.label not in labels | {""}):
            every = f"no scan of the class {scan.label!r}" if labels else "no scan"
            raise InputError(f"{every} can be used ({one.path}: {one.kind}, {one.detail})")
    if task == "classification" and len(labels) == 1:
        raise InputError(
            f"all {len(usable)} scans are of the class {labels.pop()!r}, so there is nothing to"
            " tell apart; add a set to classification.dataset or correct classification.labels"
        )
    if task == "segmentation" and not any(seen[number].mask_pixels for number in usable):
        raise InputError(
            f"all {len(usable)} masks are empty ({scans[usable[0]].mask_path} is the first), so"
            " there is nothing to learn; correct the masks or segmentation.dataset"
        )


def _of_scan(task: Task, scan: Scan, seen: FileCheck) -> Iterator[Issue]:
    if seen.problem:
        yield Issue(seen.problem, scan.path, seen.detail)
        return
    if task == "classification" and not scan.label:
        yield Issue("no_label", scan.path, "the label is empty")
    if task == "segmentation" and not scan.mask_path:
        yield Issue("no_mask", scan.path, "no mask belongs to it")
    if seen.constant:
        yield Issue("constant", scan.path, f"{seen.width}x{seen.height} pixels of one value")
    share = seen.mask_pixels / (seen.width * seen.height)
    if share > MAX_MASK_SHARE:
        yield Issue("large_mask", scan.path, f"{share:.0%} of the pixels; is it inverted?")


def _of_classes(scans: Sequence[Scan]) -> Iterator[Issue]:
    for label in sorted({scan.label for scan in scans} - {""}):
        patients = [scan.patient for scan in scans if scan.label == label]
        if len(patients) < MIN_SCANS:
            yield Issue("tiny_class", label, f"{len(patients)} scans")
        elif all(patients) and len(set(patients)) < MIN_PATIENTS:
            yield Issue("tiny_class", label, f"{len(set(patients))} patients")


def _of_sets(used: Sequence[tuple[str, Scan, FileCheck]]) -> Iterator[Issue]:
    for source in sorted({source for source, _, _ in used}):
        scans = [(scan.label, seen) for name, scan, seen in used if name == source]
        modes = [(label, seen.mode) for label, seen in scans if seen.mode]
        sizes = [(label, f"{seen.width}x{seen.height}") for label, seen in scans]
        for kind, values in (("mixed_modes", modes), ("mixed_sizes", sizes)):
            counts = Counter(value for _, value in values)
            if len(counts) > 1:
                yield Issue(kind, source, _counted(counts))
            yield from _telling(source, values, counts)


def _telling(
    source: str, values: Iterable[tuple[str, str]], counts: Counter[str]
) -> Iterator[Issue]:
    labels: dict[str, set[str]] = {}
    for label, value in values:
        labels.setdefault(value, set()).add(label)
    if len(set().union(*labels.values())) < 2:
        return
    for value, count in _ranked(counts):
        if len(labels[value]) == 1 and count >= MIN_SCANS:
            label = min(labels[value])
            yield Issue("telling_format", source, f"{value}: {count} scans, all {label}")


def _counted(counts: Counter[str]) -> str:
    ranked = _ranked(counts)
    told = ", ".join(f"{value} {count}" for value, count in ranked[:SHOWN])
    rest = sum(count for _, count in ranked[SHOWN:])
    return told + (f", {len(ranked) - SHOWN} others {rest}" if rest else "")


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first; equally frequent ones by name."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
