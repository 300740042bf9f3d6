"""What CLAIM 2024 asks about the data, the reference standard and the partitions."""

from collections.abc import Iterable

from scanvote.params import Task
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.data_card.tables import UNKNOWN
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.patients import audit_claim, patients_of
from scanvote.pipeline.report.report_data import TASKS, ReportData
from scanvote.pipeline.report.split import PROTOCOLS, leaked


def each(told: Iterable[tuple[str, str]]) -> str:
    """``name: words; name: words``."""
    return "; ".join(f"{name}: {words}" for name, words in told) or NOT_REPORTED


def of_data(facts: ReportData) -> dict[int, str]:
    """Items 7 to 13: sources, eligibility, preprocessing, de-identification, acquisition."""
    every = {one.name: one for known in facts.known.values() for one in known.sets}
    prepare = facts.params.prepare
    return {
        7: each((one.name, f"{one.source} ({one.licence})") for one in every.values()),
        8: each(_excluded(facts)),
        9: each(
            (task, _preprocessing(getattr(prepare, task).model_dump()))
            for task in TASKS
            if task in facts.known
        ),
        10: each(_selected(facts)),
        11: f"{NOT_REPORTED} by the publishers; of a DICOM header nothing is kept but a digest of"
        " the PatientID",
        12: "a scan that cannot be decoded, or has no label or mask, is left out and listed;"
        " nothing is imputed",
        13: each((one.name, one.collection or UNKNOWN) for one in every.values()),
    }


def _excluded(facts: ReportData) -> Iterable[tuple[str, str]]:
    for task, known in facts.known.items():
        left = facts.figures("download", task)
        copies = facts.figures("deduplicate", task)
        yield (
            task,
            f"{len(known.scans):,} scans can be used, {numbers.counted(left, 'excluded')} cannot;"
            f" {numbers.counted(copies, 'redundant')} copies and"
            f" {numbers.counted(copies, 'conflict_scans')} scans under two classes are left out",
        )


def _preprocessing(how: dict[str, object]) -> str:
    return ", ".join(f"{terms.words(key)} {value}" for key, value in how.items())


def _selected(facts: ReportData) -> Iterable[tuple[str, str]]:
    for task, known in facts.known.items():
        published = sum(one.published for one in known.sets)
        told = f"of {published:,} published" if published else "all that the sets hold"
        yield task, f"{len(known.scans):,} scans, {told}"


def of_reference(facts: ReportData) -> dict[int, str]:
    """Items 14 to 18: the reference standard."""
    every = {one.name: one for known in facts.known.values() for one in known.sets}
    return {
        14: f"as published, see item 13: {', '.join(every) or NOT_REPORTED}",
        15: NOT_REPORTED,
        16: f"{NOT_REPORTED}, beyond item 14",
        17: "as the whole of the data, see item 14; no scan was annotated anew",
        18: NOT_REPORTED,
    }


def of_partitions(facts: ReportData) -> dict[int, str]:
    """Items 19 to 21: who trains, who tests, and how many."""
    split = facts.params.split
    return {
        19: f"protocol {split.protocol}: {PROTOCOLS[split.protocol]} Test share {split.test:g},"
        f" validation {split.validation:g}, stratified by class, seeded",
        20: " ".join(_level(facts, task) for task in facts.known) or NOT_REPORTED,
        21: f"not calculated beforehand; {_sizes(facts)}",
    }


def _level(facts: ReportData, task: Task) -> str:
    """The patient only where nobody can be on two sides."""
    found, pairs = patients_of(facts, task), leaked(facts)
    if found is not None and found.patient_disjoint:
        level = "patient"
    elif facts.params.split.protocol == "random":
        level = "scan, it leaks"
    else:
        level = "group of known patients, series, look-alikes and copies"
    count = f"{pairs[task]:,}" if task in pairs else NOT_REPORTED
    seen = f"pairs across that the audit sees: {count}"
    return f"{task}: {level}; {seen}. {audit_claim(facts, task)}"


def _sizes(facts: ReportData) -> str:
    return each(
        (
            task,
            f"{numbers.counted(found, 'test_scans')} test scans of"
            f" {numbers.counted(found, 'test_groups')} groups",
        )
        for task in TASKS
        if (found := facts.figures("prepare", task))
    )
