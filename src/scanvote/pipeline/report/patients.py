"""What a report says of the patients of the splits: the words of `KnownPatients`."""

from scanvote.params import Task
from scanvote.pipeline.report.blocks import Notice, Text
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.report_data import ReportData
from scanvote.splits.known_patients import KnownPatients


def patients_of(facts: ReportData, task: Task) -> KnownPatients | None:
    """What is known of the patients of a task; None where it was not split."""
    return facts.known[task].patients if task in facts.known else None


def patient_claim(facts: ReportData, task: Task) -> str:
    """What the test figures of a task may claim about patients."""
    found = patients_of(facts, task)
    if found is None:
        return f"For how many of the scans the patient is known is {NOT_REPORTED}."
    return found.sentence()


def claim_block(facts: ReportData, task: Task) -> Text | Notice:
    """The same as a paragraph, which stands out unless all is well."""
    found, words = patients_of(facts, task), patient_claim(facts, task)
    return Text(words) if found is not None and found.patient_disjoint else Notice(words)


def audit_claim(facts: ReportData, task: Task) -> str:
    """The same, and the share of the scans for which the audit is blind."""
    found = patients_of(facts, task)
    blind = "" if found is None else f" {found.audit_words()}"
    return patient_claim(facts, task) + blind


def all_disjoint(facts: ReportData) -> bool:
    """Whether no patient of any task is both in the test and in training or validation."""
    found = [patients_of(facts, task) for task in facts.known]
    return all(one is not None and one.patient_disjoint for one in found)
