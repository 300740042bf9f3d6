"""The section on the data: what they are, what is wrong with them, and whose they are."""

from collections.abc import Sequence

import pandas as pd

from scanvote.datasets.base import DataSet
from scanvote.pipeline.deduplicate.patients import contradicting_copies
from scanvote.pipeline.download.integrity import RULES, rules
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import (
    Block,
    Bullets,
    Collapsible,
    Heading,
    Notice,
    QuestionList,
    Section,
    Table,
    Text,
)
from scanvote.pipeline.report.covariates import factor_tables
from scanvote.pipeline.report.data_card.cleaning import LISTED
from scanvote.pipeline.report.data_card.known import Known
from scanvote.pipeline.report.data_card.tables import UNKNOWN, classes, patients
from scanvote.pipeline.report.pictures import picture, side_by_side
from scanvote.pipeline.report.report_data import TASKS, ReportData
from scanvote.splits.groups import SPLITS

_COPIES = {
    "scans": "scans before",
    "kept": "scans kept",
    "redundant": "copies of a scan that is kept",
    "byte_copies": "files with the bytes of another",
    "largest_cluster": "scans in the largest cluster of copies",
    "conflicts": "images under two classes",
    "conflict_scans": "scans of those images",
    "source_label_conflicts": "scans whose source gives them another class",
    "patients_given": "scans whose patient a person told",
    "patient_conflicts": "clusters of copies that have two patients",
    "relatives_groups": "groups of look-alikes of unknown patients",
    "largest_relatives_group": "scans in the largest of them",
    "overruled": "decisions of a person against the rule",
    "recall": "share of the planted copies that was found",
    "recall_same_side": "share of the planted copies that stays on the side of its original",
    "precision": "share of what was found that was planted",
}


_TOLD = ("clusters", "relatives_groups", "overruled", "source_label_conflicts", "patients_given")
"""Without any of them there is no table."""


def data(facts: ReportData) -> Section:
    """Each task's data: sets and licences, counts, faults, copies."""
    blocks: list[Block] = [
        Text(
            "Nothing below is guessed: it comes from the publishers and from the files"
            f' themselves, every one of which was decoded. "{UNKNOWN}" stands where neither tells.'
        )
    ]
    for task in TASKS:
        if task in facts.known:
            known = facts.known[task]
            blocks += [Heading(f"Data of the {task}"), *_sets(known), *_counts(known)]
            blocks += [*_faults(known), *_copies(facts, known)]
    if not facts.known:
        blocks.append(Text(f"The data are {numbers.NOT_REPORTED}."))
    return Section("data", "The data and their faults", tuple(blocks))


def _sets(known: Known) -> list[Block]:
    return [QuestionList(tuple(pair for one in known.sets for pair in _facts(known, one)))]


def _facts(known: Known, one: DataSet) -> tuple[tuple[str, str], ...]:
    used = int((known.scans["source"] == one.name).sum())
    published = f"{one.published:,}" if one.published else UNKNOWN
    return (
        ("Data set", one.name),
        ("Scans used", f"{used:,}; published: {published}"),
        ("Patients", patients(known.scans[known.scans["source"] == one.name])),
        ("How a patient is known", one.patients or UNKNOWN),
        ("Acquired and labelled", one.collection or UNKNOWN),
        ("Licence", one.licence or UNKNOWN),
        ("Source", one.source or UNKNOWN),
        ("Citation", one.citation or UNKNOWN),
    )


def _counts(known: Known) -> list[Block]:
    """Scans of each class, and of each class in each split where they are split."""
    found, split = classes(known.scans), known.split
    labels = sorted(set(found))
    head: tuple[str, ...] = ("class", "scans")
    rows = [(terms.words(name), numbers.count((found == name).sum())) for name in labels]
    table = Table("Scans of each class that can be used.", head, tuple(rows))
    if split is not None:
        kept = classes(split)
        head += SPLITS
        table = Table(
            "Scans of each class that can be used, and those in each split.",
            head,
            tuple(
                (label, count, *_by_split(split[kept == name]["split"].tolist()))
                for name, (label, count) in zip(labels, rows, strict=True)
            ),
        )
    facts = factor_tables(split)
    return (
        [table, Collapsible("What else is known of the scans", tuple(facts))] if facts else [table]
    )


def _by_split(splits: list[str]) -> list[str]:
    return [numbers.count(splits.count(split)) for split in SPLITS]


def _faults(known: Known) -> list[Block]:
    faults = [
        f"{one.name}: {fault}" if len(known.sets) > 1 else fault
        for one in known.sets
        for fault in one.known_issues
    ]
    told: list[Block] = []
    if faults:
        told = [Text("Faults that the sets are known for:"), Bullets(tuple(faults))]
    return [*told, *_integrity(known)]


def _integrity(known: Known) -> list[Block]:
    counts = known.found["kind"].value_counts()
    looked = rules(known.task)
    rows = tuple(
        (terms.words(kind), rule.words, numbers.count(counts[kind]), _follows(known, kind))
        for kind, rule in looked.items()
        if kind in counts
    )
    clean = [terms.words(kind) for kind in looked if kind not in counts]
    note = f"Looked for and not found: {', '.join(clean)}." if clean else ""
    if not rows:
        return [Text(f"Every file was checked by stated rules, and nothing was found. {note}")]
    caption = "What was found wrong or strange with the files, by stated rules."
    return [Table(caption, ("finding", "rule", "found", "what follows"), rows, note), *_each(known)]


def _each(known: Known) -> list[Block]:
    lines = [f"{one.kind}, {one.path}: {one.detail}" for one in known.found.itertuples()]
    rest = [f"and {len(lines) - LISTED:,} more"] if len(lines) > LISTED else []
    return [Collapsible("Each finding", (Bullets((*lines[:LISTED], *rest)),))]


def _follows(known: Known, kind: str) -> str:
    return "left out" if known.task in RULES[kind].excludes else "reported"


def _copies(facts: ReportData, known: Known) -> list[Block]:
    found = facts.figures("deduplicate", known.task)
    if not found:
        return [Text(f"Copies: {numbers.NOT_REPORTED}.")]
    if not any(found.get(key) for key in _TOLD):
        return [Text(f"Among {numbers.counted(found, 'scans')} scans no copy was found.")]
    rows = tuple(
        (words, _copy_figure(key, found[key])) for key, words in _COPIES.items() if found.get(key)
    )
    return [
        Table("Copies, conflicts and look-alikes.", ("what", "found"), rows),
        *_conflicts(facts, known),
        *side_by_side(
            [
                *picture(
                    facts,
                    f"data/deduplicated/{known.task}/montage.png",
                    "Pairs of scans that are taken for copies, with their differences",
                    "What was taken for a copy: the scan that is kept, its copy, their difference,"
                    " the doubtful ones first.",
                ),
                *picture(
                    facts,
                    f"data/prepared/{known.task}/crop.png",
                    "Scans with the box around the head that they are cropped to",
                    "The crop to the head.",
                ),
            ]
        ),
    ]


def _copy_figure(key: str, value: float | None) -> str:
    return (
        numbers.number(value) if key.startswith(("recall", "precision")) else numbers.count(value)
    )


def _so(facts: ReportData) -> str:
    if facts.params.split.protocol == "random":  # as published systems did
        return "; the protocol `random` uses them nevertheless"
    return ", so none trains or tests"


def _class(label: object) -> str:
    return terms.words(str(label))


def _conflicts(facts: ReportData, known: Known) -> list[Block]:
    """The scans that stand under two classes, and the copies with two patients, one by one."""
    table = facts.table(f"data/deduplicated/{known.task}/duplicates.csv")
    if table.empty:
        return []
    return [*_two_classes(facts, table[table["conflict"]]), *_two_patients(known, table)]


def _two_classes(facts: ReportData, held: pd.DataFrame) -> list[Block]:
    if held.empty:
        return []
    rows = [
        (
            str(one.scan_id),
            _class(one.label),
            "at its source" if one.rule == "source label" else str(one.duplicate_of),
            _class(one.label_of),
        )
        for one in held.head(LISTED).itertuples()
    ]
    source = int((held["rule"] == "source label").sum())
    told = f" ({source:,} of them here and at their source)" if source else ""
    words = (
        f"{len(held):,} images stand in the data under two classes{told}, and nobody here can tell"
        f" which is right{_so(facts)}."
    )
    caption = "One image under two classes."
    head = ("scan", "its class", "the same image", "its class there")
    return [Notice(words), _each_conflict("Each conflict", caption, head, rows, len(held))]


def _two_patients(known: Known, table: pd.DataFrame) -> list[Block]:
    """Copies whose patient is not that of the scan that is kept."""
    held = contradicting_copies(table, known.scans["source"])
    if held.empty:
        return []
    rows = [
        (str(one.scan_id), str(one.patient), str(one.duplicate_of), str(one.patient_of))
        for one in held.head(LISTED).itertuples()
    ]
    words = (
        f"Copies with another patient than the scan that they are copies of: {len(held):,}; all"
        " scans of both patients are one group."
    )
    head = ("scan", "its patient", "the same image", "its patient there")
    caption = "One image of two patients."
    return [Text(words), _each_conflict("Each such copy", caption, head, rows, len(held))]


def _each_conflict(
    summary: str, caption: str, head: Sequence[str], rows: Sequence[tuple[str, ...]], count: int
) -> Collapsible:
    more = f"And {count - LISTED:,} more." if count > LISTED else ""
    return Collapsible(summary, (Table(caption, tuple(head), tuple(rows), more),))
