"""CLAIM 2024 answers on the data, the reference standard and the partitions."""

from collections.abc import Iterable

from scanvote.datasets.base import DataSet
from scanvote.metrics.bootstrap import number_of
from scanvote.params import Task
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.data_card.tables import UNKNOWN
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.patients import audit_claim, patients_of
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.split import PROTOCOLS, leaked


def join_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """Join names and texts as ``name: text; name: text``."""
    return "; ".join(f"{name}: {words}" for name, words in pairs) or NOT_REPORTED


def data_items(report: ReportData) -> dict[int, str]:
    """Answer items 7 to 13, from sources and eligibility to acquisition."""
    sets = _data_sets(report)
    prepare = report.params.prepare
    return {
        7: join_pairs((one.name, f"{one.source} ({one.licence})") for one in sets.values()),
        8: join_pairs(_excluded(report)),
        9: join_pairs(
            (task, _preprocessing(getattr(prepare, task).model_dump())) for task in report.tasks
        ),
        10: join_pairs(_selected(report)),
        11: f"{NOT_REPORTED} by the publishers; of a DICOM header only a digest of the PatientID"
        " is kept",
        12: f"a scan that cannot be decoded, or has no {' or '.join(_truths(report))}, is left out"
        " and listed;"
        " nothing is imputed",
        13: join_pairs((one.name, one.collection or UNKNOWN) for one in sets.values()),
    }


def _data_sets(report: ReportData) -> dict[str, DataSet]:
    return {one.name: one for data in report.tasks.values() for one in data.sets}


def _excluded(report: ReportData) -> Iterable[tuple[str, str]]:
    for task, data in report.tasks.items():
        downloaded = report.metrics_of("download", task)
        copies = report.metrics_of("deduplicate", task)
        conflicts = numbers.metric_count(copies, "conflict_scans")
        of_classes = f" and {conflicts} scans of images in two classes"
        yield (
            task,
            f"usable scans {len(data.scans):,}, others"
            f" {numbers.metric_count(downloaded, 'excluded')};"
            f" {numbers.metric_count(copies, 'redundant')} copies"
            f"{of_classes if task == 'classification' else ''} are left out{_two_patients(copies)}",
        )


def _two_patients(copies: Metrics) -> str:
    count = int(copies.get("patient_conflicts") or 0)
    return (
        f"; {number_of(count, 'image')} under two patients, whose scans are one group"
        if count
        else ""
    )


def _truths(report: ReportData) -> list[str]:
    names = {"classification": "label", "segmentation": "mask"}
    return [names[task] for task in report.params.tasks]


def _preprocessing(config: dict[str, object]) -> str:
    return ", ".join(f"{terms.words(key)} {value}" for key, value in config.items())


def _selected(report: ReportData) -> Iterable[tuple[str, str]]:
    for task, data in report.tasks.items():
        published = sum(one.published for one in data.sets)
        origin = f"of {published:,} published" if published else "all usable ones of the data sets"
        yield task, f"{len(data.scans):,} scans, {origin}"


def reference_items(report: ReportData) -> dict[int, str]:
    """Answer items 14 to 18, on the reference standard."""
    sets = _data_sets(report)
    return {
        14: f"as published, see item 13: {', '.join(sets) or NOT_REPORTED}",
        15: NOT_REPORTED,
        16: f"{NOT_REPORTED}, beyond item 14",
        17: "like all of the data, see item 14; no scan was annotated again",
        18: NOT_REPORTED,
    }


def partition_items(report: ReportData) -> dict[int, str]:
    """Answer items 19 to 21, on the splits and their sizes."""
    split = report.params.split
    strata = {"classification": "class", "segmentation": "whether a mask marks anything"}
    by = " and ".join(strata[task] for task in report.params.tasks)
    return {
        19: f"protocol {split.protocol}: {PROTOCOLS[split.protocol]} Test share {split.test:g},"
        f" validation {split.validation:g}, stratified by {by}, seeded",
        20: " ".join(_level(report, task) for task in report.tasks) or NOT_REPORTED,
        21: f"not calculated beforehand; {_sizes(report)}",
    }


def _level(report: ReportData, task: Task) -> str:
    """Say on which level the partitions are certainly disjoint."""
    patients, pairs = patients_of(report, task), leaked(report)
    if patients is not None and patients.patient_disjoint:
        level = "patient"
    elif report.params.split.protocol == "random":
        level = "scan, it leaks"
    else:
        level = "group of known patients, series, look-alikes and copies"
    count = f"{pairs[task]:,}" if task in pairs else NOT_REPORTED
    audit = f"related pairs across splits that the audit finds: {count}"
    return f"{task}: {level}; {audit}. {audit_claim(report, task)}"


def _sizes(report: ReportData) -> str:
    return join_pairs(
        (
            task,
            f"{numbers.metric_count(metrics, 'test_scans')} test scans, groups of scans that belong"
            f" together: {numbers.metric_count(metrics, 'test_groups')}",
        )
        for task in report.params.tasks
        if (metrics := report.metrics_of("prepare", task))
    )
