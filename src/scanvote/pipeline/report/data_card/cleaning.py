"""The section of a data card on what was left out, copied and split, and by which rules."""

from collections.abc import Mapping

import pandas as pd

from scanvote.manifest import INTEGRITY, source_labels
from scanvote.params import Task
from scanvote.pipeline.deduplicate.clusters import mislabelled
from scanvote.pipeline.deduplicate.patients import contradicting_copies
from scanvote.pipeline.download.integrity import RULES, rules
from scanvote.pipeline.report.data_card.known import Known
from scanvote.pipeline.report.data_card.tables import UNKNOWN, cross_table, table
from scanvote.splits.groups import SPLITS

LISTED = 20
"""Findings that are listed one by one."""


def cleaning(known: Known) -> list[str]:
    """The paragraphs and tables of the section."""
    return [
        f"**Were classes renamed or left out?** {_renamed(known.labels)}",
        "**Which files were found wanting?** Every file was decoded once.",
        _rules(known),
        *_listed(known.found),
        *_copies(known),
        *_parts(known),
    ]


def _renamed(labels: Mapping[str, str | None]) -> str:
    told = [f"{old} {f'became {new}' if new else 'was left out'}" for old, new in labels.items()]
    return f"{', '.join(told)}." if told else "No."


def _rules(known: Known) -> str:
    rows = [
        [kind, rule.words, int((known.found["kind"] == kind).sum()), _follows(known.task, kind)]
        for kind, rule in rules(known.task).items()
    ]
    return table(["kind", "rule", "found", "what follows"], rows)


def _follows(task: Task, kind: str) -> str:
    return "left out" if task in RULES[kind].excludes else "reported"


def _listed(found: pd.DataFrame) -> list[str]:
    if found.empty:
        return []
    lines = [f"- {one.kind}, {one.path}: {one.detail}" for one in found.head(LISTED).itertuples()]
    if len(found) > LISTED:
        lines.append(f"- and {len(found) - LISTED:,} more in {INTEGRITY}")
    return ["\n".join(lines)]


def _copies(known: Known) -> list[str]:
    if known.judged is None:
        return [f"**Are there copies?** {UNKNOWN}: `deduplicate` has not run on these scans."]
    kept, conflicts = int(known.judged["kept"].sum()), int(known.judged["conflict"].sum())
    dropped = len(known.judged) - kept - conflicts
    told = (
        f"**Are there copies?** {dropped:,} scans are copies of one that is kept, {conflicts:,}"
        f" stand in conflict over their class and are not used; {kept:,} are kept."
    )
    figures = _figures(known.metrics["deduplicate"], "deduplicate")
    return [told, *_mislabelled(known.judged), *_patients(known), *figures]


def _mislabelled(judged: pd.DataFrame) -> list[str]:
    """The scans whose source gives them another class than the set does."""
    held = judged[mislabelled(judged)]
    lines = [
        f"- {scan}: {here} here, {there} at its source"
        for scan, here, there in zip(
            held["scan_id"], held["label"], source_labels(held), strict=True
        )
    ]
    return _told(f"Scans with another class at their source: {len(lines):,}.", lines)


def _patients(known: Known) -> list[str]:
    """The copies that are told to be of another patient than the scan that is kept."""
    held = contradicting_copies(known.copies, known.scans["source"])
    lines = [
        f"- {one.scan_id} is of {one.patient}, {one.duplicate_of} of {one.patient_of}"
        for one in held.itertuples()
    ]
    words = f"Copies with another patient than the scan that they are copies of: {len(lines):,}."
    return _told(f"{words} All scans of both patients are one group.", lines)


def _told(words: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    rest = [f"- and {len(lines) - LISTED:,} more"] if len(lines) > LISTED else []
    return [words, "\n".join([*lines[:LISTED], *rest])]


def _parts(known: Known) -> list[str]:
    if known.split is None:
        return [f"**Who trains, who tests?** {UNKNOWN}: `prepare` has not run on these scans."]
    return [
        "**Who trains, who tests?**",
        cross_table(known.split, "split", SPLITS, "split"),
        f"**Can a patient be on two sides?** {_sides(known)}",
        *_figures(known.metrics["prepare"], "prepare"),
    ]


def _sides(known: Known) -> str:
    found = known.patients
    return UNKNOWN if found is None else f"{found.sentence()} {found.audit_words()}"


def _figures(metrics: Mapping[str, float | None], stage: str) -> list[str]:
    rows = [[name, "undefined" if value is None else value] for name, value in metrics.items()]
    return [table([f"figure of `{stage}`", "value"], rows)] if rows else []
