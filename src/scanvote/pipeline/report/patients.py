"""Claims about patients in the splits, in the words of `KnownPatients`."""

from scanvote.params import Task
from scanvote.pipeline.report.blocks import Notice, Text
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.report_data import ReportData
from scanvote.splits.known_patients import KnownPatients


def patients_of(report: ReportData, task: Task) -> KnownPatients | None:
    """Return the known patients of a task's split; None without a split."""
    return report.tasks[task].patients if task in report.tasks else None


def patient_claim(report: ReportData, task: Task) -> str:
    """Say what the test metrics of a task may claim about patients."""
    patients = patients_of(report, task)
    if patients is None:
        return f"The number of scans whose patient is known is {NOT_REPORTED}."
    return patients.sentence()


def claim_block(report: ReportData, task: Task) -> Text | Notice:
    """Return the claim as a block, highlighted unless the split is patient-disjoint."""
    patients, words = patients_of(report, task), patient_claim(report, task)
    return Text(words) if patients is not None and patients.patient_disjoint else Notice(words)


def audit_claim(report: ReportData, task: Task) -> str:
    """Return the claim and the share of scans the audit cannot check."""
    patients = patients_of(report, task)
    audit = "" if patients is None else f" {patients.audit_words()}"
    return patient_claim(report, task) + audit


def all_disjoint(report: ReportData) -> bool:
    """Return True if the splits of all tasks are certainly patient-disjoint."""
    patients = [patients_of(report, task) for task in report.tasks]
    return all(one is not None and one.patient_disjoint for one in patients)
