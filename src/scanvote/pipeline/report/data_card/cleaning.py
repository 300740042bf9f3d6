"""The data card's section on excluded files, duplicates and splits."""

from collections.abc import Mapping

import pandas as pd

from scanvote.manifest import INTEGRITY, source_labels
from scanvote.params import Task
from scanvote.pipeline.deduplicate.clusters import mislabelled
from scanvote.pipeline.deduplicate.patients import contradicting_copies
from scanvote.pipeline.download.integrity import RULES, rules
from scanvote.pipeline.report.data_card.tables import UNKNOWN, cross_table, table
from scanvote.pipeline.report.data_card.task_data import TaskData
from scanvote.splits.groups import SPLITS

LISTED = 20
"""Rows that a list shows before it is cut short."""
_LARGER_THAN_A_SCAN = {
    "tiny_class": ("class", "classes"),
    "mixed_modes": ("data set", "data sets"),
    "mixed_sizes": ("data set", "data sets"),
    "telling_format": ("format", "formats"),
}
"""Subjects of findings that concern no single scan: singular, plural."""


def cleaning(data: TaskData) -> list[str]:
    """Return the paragraphs and tables of the section."""
    return [
        f"**Were classes renamed or left out?** {_renamed(data.labels)}",
        "**Which files have problems?** Every file was decoded once.",
        _rules(data),
        *_listed(data.findings),
        *_copies(data),
        *_splits(data),
    ]


def affected(kind: str, count: int) -> str:
    """Count the subjects of a kind of finding: ``1 data set``."""
    singular, plural = _LARGER_THAN_A_SCAN.get(kind, ("scan", "scans"))
    return f"{count:,} {singular if count == 1 else plural}"


def consequence(task: Task, kind: str) -> str:
    """Say whether a kind of finding excludes its scans from the task."""
    return "left out" if task in RULES[kind].excludes else "reported"


def _renamed(labels: Mapping[str, str | None]) -> str:
    changes = [f"{old} {f'became {new}' if new else 'was left out'}" for old, new in labels.items()]
    return f"{', '.join(changes)}." if changes else "No."


def _rules(data: TaskData) -> str:
    counts = data.findings["kind"].value_counts()
    rows = [
        [kind, rule.words, affected(kind, int(counts.get(kind, 0))), consequence(data.task, kind)]
        for kind, rule in rules(data.task).items()
    ]
    return table(["kind", "rule", "found in", "consequence"], rows)


def _listed(findings: pd.DataFrame) -> list[str]:
    if findings.empty:
        return []
    lines = [
        f"- {one.kind}, {one.path}: {one.detail}" for one in findings.head(LISTED).itertuples()
    ]
    if len(findings) > LISTED:
        lines.append(f"- and {len(findings) - LISTED:,} more in {INTEGRITY}")
    return ["\n".join(lines)]


def _copies(data: TaskData) -> list[str]:
    scans = data.deduplicated
    if scans is None:
        return [f"**Are there copies?** {UNKNOWN}: `deduplicate` has not run on these scans."]
    kept, conflicts = int(scans["kept"].sum()), int(scans["conflict"].sum())
    dropped = len(scans) - kept - conflicts
    answer = (
        f"**Are there copies?** {dropped:,} scans are copies of one that is kept; {conflicts:,}"
        f" have copies in another class and are not used; {kept:,} are kept."
    )
    metrics = _metrics(data.metrics["deduplicate"], "deduplicate")
    return [answer, *_mislabelled(scans), *_patient_conflicts(data), *metrics]


def _mislabelled(scans: pd.DataFrame) -> list[str]:
    """List the scans whose original source gives them another class."""
    rows = scans[mislabelled(scans)]
    lines = [
        f"- {scan}: {here} here, {there} at its source"
        for scan, here, there in zip(
            rows["scan_id"], rows["label"], source_labels(rows), strict=True
        )
    ]
    return _list_under(f"Scans with another class at their source: {len(lines):,}.", lines)


def _patient_conflicts(data: TaskData) -> list[str]:
    """List the copies with another patient than the scan that is kept."""
    lines = [
        f"- {one.scan_id} is of {one.patient}, {one.duplicate_of} of {one.patient_of}"
        for one in contradicting_copies(data.copies, data.scans["source"]).itertuples()
    ]
    heading = f"Images under two patients: {len(lines):,}."
    return _list_under(f"{heading} All scans of both patients are one group.", lines)


def _list_under(heading: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    rest = [f"- and {len(lines) - LISTED:,} more"] if len(lines) > LISTED else []
    return [heading, "\n".join([*lines[:LISTED], *rest])]


def _splits(data: TaskData) -> list[str]:
    question = "**How many scans are in each split?**"
    if data.split is None:
        return [f"{question} {UNKNOWN}: `prepare` has not run on these scans."]
    return [
        question,
        cross_table(data.split, "split", SPLITS, "split"),
        f"**Can one patient be in two splits?** {_patient_claim(data)}",
        *_metrics(data.metrics["prepare"], "prepare"),
    ]


def _patient_claim(data: TaskData) -> str:
    patients = data.patients
    return UNKNOWN if patients is None else f"{patients.sentence()} {patients.audit_words()}"


def _metrics(metrics: Mapping[str, float | None], stage: str) -> list[str]:
    rows = [[name, "undefined" if value is None else value] for name, value in metrics.items()]
    return [table([f"metric of `{stage}`", "value"], rows)] if rows else []
