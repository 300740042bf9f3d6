"""The section on the limits: what is not known, and what must not be concluded."""

from collections.abc import Iterator

from scanvote.params import Task
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Bullets, Section
from scanvote.pipeline.report.data_card.known import Known
from scanvote.pipeline.report.data_card.tables import classes
from scanvote.pipeline.report.patients import audit_claim, patients_of
from scanvote.pipeline.report.report_data import TASKS, Metrics, ReportData
from scanvote.pipeline.report.results_masks import unit
from scanvote.pipeline.report.shortcuts import shortcut_limit
from scanvote.pipeline.report.split import leaked

UNEVEN = 3
"""Times the smallest class, from which the largest is worth a word."""
FEW = 100
"""Groups below which a test part is small: an accuracy is then known to about ±0.1."""


def limits(facts: ReportData) -> Section:
    """What a reader must hold against the figures."""
    return Section("limits", "Limits: what is not known", (Bullets(tuple(limitations(facts))),))


def limitations(facts: ReportData) -> Iterator[str]:
    """A sentence or two each."""
    if facts.params.smoke:
        yield "This was a smoke run, to see that all works: no figure is a result."
    for task in TASKS:
        if task in facts.known:
            yield from _of_patients(facts, task)
            yield from _of_data(facts.known[task])
    yield from _of_test(facts)
    yield from shortcut_limit(facts)
    yield (
        "No reader, no clinical history and no other examination stands beside the models, and how"
        " far two readers would agree on the labels is not known."
    )
    yield (
        "Nobody has tried the models in practice: what a person does with their answer, and what"
        " comes of it for a patient, is not known."
    )


def _of_patients(facts: ReportData, task: Task) -> Iterator[str]:
    found, scans = patients_of(facts, task), facts.known[task].scans
    if found is not None and not found.patient_disjoint:
        yield f"{task.capitalize()}: {audit_claim(facts, task)}"
    unknown = int((scans["patient"] == "").sum())
    if found is None and unknown:
        yield f"The patient is unknown of {numbers.share(unknown, len(scans))} scans of the {task}."


def _of_data(known: Known) -> Iterator[str]:
    task, scans = known.task, known.scans
    if any(one.name == "phantom" for one in known.sets):
        yield f"The scans of the {task} are generated: nothing about patients follows from them."
    yield from _of_places(known)
    missing = [fact for fact in ("age", "sex") if fact not in scans]
    if missing:
        yield (
            f"{terms.listed(missing).capitalize()} of the patients of the {task} are not known:"
            " whether the models do worse for some cannot be told."
        )
    counts = classes(scans).value_counts()
    if len(counts) > 1 and counts.max() >= UNEVEN * counts.min():
        most, least = (terms.words(str(one)) for one in (counts.idxmax(), counts.idxmin()))
        yield (
            f"The {task} has {numbers.count(counts.max())} scans of {most} and"
            f" {numbers.count(counts.min())} of {least}: accuracy alone says little."
        )
    for one in known.found[known.found["kind"] == "telling_format"].itertuples():
        yield f"The format of a file tells the class in {one.path} ({one.detail})."


def _of_places(known: Known) -> Iterator[str]:
    sites = set(known.scans["institution"]) - {""} if "institution" in known.scans else set()
    if len(sites) < 2:
        which = "of one institution" if sites else "of unknown institutions"
        yield f"The scans of the {known.task} are {which}: how a model does elsewhere is not known."


def _of_test(facts: ReportData) -> Iterator[str]:
    if any(leaked(facts).values()):
        yield "The split leaks: the results are not those of unseen patients."
    if facts.params.split.protocol != "site":
        yield "The test scans come from the same sources as the training: it is no external test."
    found, masks = (facts.figures("evaluate", task) for task in TASKS)
    yield from _of_size(found, "test_groups", "groups of the classification")
    yield from _of_size(masks, "test_patients", "patients of the segmentation")
    if masks and not masks.get("distances_in_mm"):
        yield f"Distances are in {unit(masks)}: what they are in mm is not known."


def _of_size(found: Metrics, key: str, what: str) -> Iterator[str]:
    size = found.get(key)
    if size is not None and size < FEW:
        yield (
            f"The test part has {numbers.count(size)} {what}, so the intervals are wide: a"
            " difference that was not shown may yet exist."
        )
