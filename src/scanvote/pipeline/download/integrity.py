"""The integrity report: faults and oddities in files, by stated rules."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.datasets.base import Scan
from scanvote.params import Task
from scanvote.pipeline.download.file_check import FileCheck
from scanvote.pipeline.download.same_picture import same_pictures

BOTH: tuple[Task, ...] = ("classification", "segmentation")
MIN_SCANS, MIN_PATIENTS = 10, 3
"""Minimum per class; below either, a split part may get almost none."""
MAX_MASK_SHARE = 0.5
"""Share of the pixels above which a mask is probably inverted."""
SHOWN = 5
"""Modes and sizes listed with their counts in an issue."""
COLUMNS = ("kind", "path", "detail", "excluded", "rule")


@dataclass(frozen=True)
class Rule:
    """The rule for a kind of issue.

    Attributes:
        words: the rule in plain words.
        excludes: tasks that leave out a scan with this issue.
        tasks: tasks that check the rule.
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
    "several_pictures": Rule("The file holds more pictures or volumes than are used."),
    "patient_conflict": Rule("Equal bytes are listed under two patients; deduplicate finds more."),
    "label_conflict": Rule(
        "Equal bytes are in two classes; deduplicate finds more, and keeps none of them.",
        tasks=("classification",),
    ),
    "mask_values": Rule(
        "The masks of a data set hold more than two values, or values between.",
        tasks=("segmentation",),
    ),
    "inverted_masks": Rule(
        f"Every mask of a data set marks more than {MAX_MASK_SHARE:.0%} of its scan.",
        tasks=("segmentation",),
    ),
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
"""Rules by kind of issue, those about single scans first."""


def rules(task: Task) -> dict[str, Rule]:
    """Return the rules that a task checks, by kind of issue."""
    return {kind: rule for kind, rule in RULES.items() if task in rule.tasks}


@dataclass(frozen=True)
class Issue:
    """An issue of a scan, class or data set, named by `path`."""

    kind: str
    path: str
    detail: str


def blocking_issue(task: Task, scan: Scan, check: FileCheck) -> Issue | None:
    """Return the issue that excludes a scan; None if it is usable."""
    for issue in _scan_issues(task, scan, check):
        if task in RULES[issue.kind].excludes:
            return issue
    return None


def issues(
    task: Task,
    sources: Sequence[str],
    scans: Sequence[Scan],
    checks: Sequence[FileCheck],
    found: Sequence[Issue] = (),
) -> pd.DataFrame:
    """Return the integrity report, one row per issue.

    Rows are sorted by kind, then in the order of the scans.

    Args:
        task: decides which kinds of issue exclude a scan.
        sources: data set of each scan.
        scans: all scans of the task.
        checks: result of `check_file` for each scan.
        found: what was found before, when the data were fetched.

    Returns:
        Columns kind, path (of a scan; else the class or the data set), detail, excluded, rule.
    """
    all_issues = [issue for issue in found if task in RULES[issue.kind].tasks]
    all_issues += [
        one
        for scan, check in zip(scans, checks, strict=True)
        for one in _scan_issues(task, scan, check)
    ]
    used = [
        (source, scan, check)
        for source, scan, check in zip(sources, scans, checks, strict=True)
        if blocking_issue(task, scan, check) is None
    ]
    all_issues += [Issue(*one) for one in same_pictures(used)]
    all_issues += [*_class_issues([scan for _, scan, _ in used]), *_data_set_issues(used)]
    if task == "segmentation":
        all_issues += _inverted_masks(used)
    order = {kind: number for number, kind in enumerate(RULES)}
    all_issues.sort(key=lambda one: order[one.kind])
    rows = [
        (one.kind, one.path, one.detail, task in RULES[one.kind].excludes, RULES[one.kind].words)
        for one in all_issues
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"excluded": bool})


def check_usable(task: Task, scans: Sequence[Scan], checks: Sequence[FileCheck]) -> None:
    """Refuse a task in which nothing can be learned.

    That is: no usable scan at all or of a class, one class only, or empty masks only.

    Raises:
        InputError: with the class and the first issue, if any.
    """
    problems = [
        blocking_issue(task, scan, check) for scan, check in zip(scans, checks, strict=True)
    ]
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
    if task == "segmentation" and not any(checks[number].mask_pixels for number in usable):
        raise InputError(
            f"all {len(usable)} masks are empty ({scans[usable[0]].mask_path} is the first), so"
            " there is nothing to learn; correct the masks or segmentation.dataset"
        )


def _scan_issues(task: Task, scan: Scan, check: FileCheck) -> Iterator[Issue]:
    if check.problem:
        yield Issue(check.problem, scan.path, check.detail)
        return
    if task == "classification" and not scan.label:
        yield Issue("no_label", scan.path, "the label is empty")
    if task == "segmentation" and not scan.mask_path:
        yield Issue("no_mask", scan.path, "no mask belongs to it")
    if check.constant:
        yield Issue("constant", scan.path, f"{check.width}x{check.height} pixels of one value")
    if _mask_share(check) > MAX_MASK_SHARE:
        text = f"{_mask_share(check):.0%} of the pixels; is it inverted?"
        yield Issue("large_mask", scan.path, text)


def _mask_share(check: FileCheck) -> float:
    return check.mask_pixels / (check.width * check.height)


def _class_issues(scans: Sequence[Scan]) -> Iterator[Issue]:
    for label in sorted({scan.label for scan in scans} - {""}):
        patients = [scan.patient for scan in scans if scan.label == label]
        if len(patients) < MIN_SCANS:
            yield Issue("tiny_class", label, f"{len(patients)} scans")
        elif all(patients) and len(set(patients)) < MIN_PATIENTS:
            yield Issue("tiny_class", label, f"{len(set(patients))} patients")


def _data_set_issues(used: Sequence[tuple[str, Scan, FileCheck]]) -> Iterator[Issue]:
    for source in sorted({source for source, _, _ in used}):
        scans = [(scan.label, check) for name, scan, check in used if name == source]
        modes = [(label, check.mode) for label, check in scans if check.mode]
        sizes = [(label, f"{check.width}x{check.height}") for label, check in scans]
        for kind, values in (("mixed_modes", modes), ("mixed_sizes", sizes)):
            counts = Counter(value for _, value in values)
            if len(counts) > 1:
                yield Issue(kind, source, _list_counts(counts))
            yield from _label_leaks(source, values, counts)


def _inverted_masks(used: Sequence[tuple[str, Scan, FileCheck]]) -> Iterator[Issue]:
    for source in sorted({source for source, _, _ in used}):
        shares = [_mask_share(check) for name, _, check in used if name == source]
        if min(shares) > MAX_MASK_SHARE:
            yield Issue(
                "inverted_masks",
                source,
                f"each of the {len(shares)} masks marks more than half of its scan, the smallest"
                f" {min(shares):.0%}: they may be inverted, or show the field of view instead of"
                " a lesion",
            )


def _label_leaks(
    source: str, values: Iterable[tuple[str, str]], counts: Counter[str]
) -> Iterator[Issue]:
    labels: dict[str, set[str]] = {}
    for label, value in values:
        labels.setdefault(value, set()).add(label)
    if len(set().union(*labels.values())) < 2:
        return
    for value, count in _by_frequency(counts):
        if len(labels[value]) == 1 and count >= MIN_SCANS:
            label = min(labels[value])
            yield Issue("telling_format", source, f"{value}: {count} scans, all {label}")


def _list_counts(counts: Counter[str]) -> str:
    values = _by_frequency(counts)
    listed = ", ".join(f"{value} {count}" for value, count in values[:SHOWN])
    rest = sum(count for _, count in values[SHOWN:])
    return listed + (f", {len(values) - SHOWN} others {rest} in all" if rest else "")


def _by_frequency(counts: Counter[str]) -> list[tuple[str, int]]:
    """Sort values by falling frequency, then by name."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
