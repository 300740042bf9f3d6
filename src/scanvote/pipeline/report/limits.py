"""The section on limitations: open questions, and conclusions that would be wrong."""

from collections.abc import Iterator

from scanvote.metrics.bootstrap import no_interval, too_few
from scanvote.params import Task
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Bullets, Section
from scanvote.pipeline.report.data_card.tables import classes
from scanvote.pipeline.report.data_card.task_data import TaskData
from scanvote.pipeline.report.patients import audit_claim, patients_of
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.results_masks import unit
from scanvote.pipeline.report.shortcuts import shortcut_limit
from scanvote.pipeline.report.split import leaked

IMBALANCE = 3
"""Ratio of largest to smallest class from which the report warns."""
SMALL_TEST_SPLIT = 100
"""Groups below which a test split is small.

An accuracy is then known to about ±0.1.
"""


def limits(report: ReportData) -> Section:
    """Return the section that lists the limitations."""
    return Section(
        "limits", "Limitations: what is not known", (Bullets(tuple(limitations(report))),)
    )


def limitations(report: ReportData) -> Iterator[str]:
    """Yield each limitation as a sentence or two."""
    if report.params.smoke:
        yield "This was a smoke run, which only checks that everything runs: no number is a result."
    for task, data in report.tasks.items():
        yield from _of_patients(report, task)
        yield from _of_data(data)
    yield from _of_test(report)
    yield from shortcut_limit(report)
    yield (
        "The models are not compared with readers, clinical history or other examinations, and how"
        " far two readers would agree on the labels is not known."
    )
    yield (
        "The models were not tried in practice: how their predictions affect decisions and patients"
        " is not known."
    )


def _of_patients(report: ReportData, task: Task) -> Iterator[str]:
    patients, scans = patients_of(report, task), report.tasks[task].scans
    if patients is not None and not patients.patient_disjoint:
        yield f"{task.capitalize()}: {audit_claim(report, task)}"
    unknown = int((scans["patient"] == "").sum())
    if patients is None and unknown:
        yield f"The patient of {numbers.share(unknown, len(scans))} scans of the {task} is unknown."


def _of_data(data: TaskData) -> Iterator[str]:
    task, scans = data.task, data.scans
    if any(one.name == "phantom" for one in data.sets):
        yield f"The scans of the {task} are generated: nothing about patients follows from them."
    yield from _of_sites(data)
    missing = [one for one in ("age", "sex") if one not in scans or not (scans[one] != "").any()]
    if missing:
        yield (
            f"{terms.listed(missing).capitalize()} of the patients of the {task} are not known:"
            " whether the models perform worse for some of them cannot be checked."
        )
    counts = classes(scans).value_counts()
    if task == "classification" and len(counts) > 1 and counts.max() >= IMBALANCE * counts.min():
        largest, smallest = (terms.words(str(one)) for one in (counts.idxmax(), counts.idxmin()))
        yield (
            f"The {task} has {numbers.count(counts.max())} scans of {largest} and"
            f" {numbers.count(counts.min())} of {smallest}: accuracy alone says little."
        )
    for one in data.findings[data.findings["kind"] == "telling_format"].itertuples():
        yield f"The file format gives away the class in {one.path} ({one.detail})."


def _of_sites(data: TaskData) -> Iterator[str]:
    sites = set(data.scans["institution"]) - {""} if "institution" in data.scans else set()
    if len(sites) < 2:
        origin = "one institution" if sites else "unknown institutions"
        yield (
            f"The scans of the {data.task} are of {origin}: how a model performs elsewhere is not"
            " known."
        )


def _of_test(report: ReportData) -> Iterator[str]:
    if any(leaked(report).values()):
        yield "The split leaks: the results are not those of unseen patients."
    if report.params.split.protocol != "site":
        yield (
            "The test scans come from the same sources as the training scans: this is no external"
            " test."
        )
    votes, masks = (
        report.metrics_of("evaluate", one) for one in ("classification", "segmentation")
    )
    yield from _of_size(votes, "test_groups", "group", "classification")
    yield from _of_size(masks, "test_patients", "patient", "segmentation")
    if "hd95_patient_mean" in masks and not masks.get("distances_in_mm"):
        yield f"Distances are in {unit(masks)}: the distances in mm are not known."


def _of_size(metrics: Metrics, key: str, of: str, task: Task) -> Iterator[str]:
    size = metrics.get(key)
    if size is None or size >= SMALL_TEST_SPLIT:
        return
    if too_few(int(size)):
        yield (
            f"The test split of the {task} has {no_interval(int(size), of)}, and nothing follows"
            f" for other {of}s."
        )
    else:
        yield (
            f"The test split of the {task} has {numbers.count(size)} {of}s, so the intervals are"
            " wide: a difference that was not shown may still exist."
        )
