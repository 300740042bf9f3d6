"""The section on the data: sources, classes, patients, integrity findings and copies."""

from collections.abc import Sequence

import pandas as pd

from scanvote.datasets.base import DataSet
from scanvote.manifest import INTEGRITY
from scanvote.metrics.bootstrap import number_of
from scanvote.pipeline.deduplicate.patients import contradicting_copies
from scanvote.pipeline.download.integrity import rules
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
from scanvote.pipeline.report.covariates import covariate_tables
from scanvote.pipeline.report.data_card.cleaning import LISTED, affected, consequence
from scanvote.pipeline.report.data_card.tables import UNKNOWN, classes, patients
from scanvote.pipeline.report.data_card.task_data import TaskData
from scanvote.pipeline.report.pictures import picture, side_by_side
from scanvote.pipeline.report.report_data import ReportData
from scanvote.splits.groups import SPLITS

_COPIES = {
    "scans": "scans before",
    "kept": "scans kept",
    "redundant": "copies of a scan that is kept",
    "byte_copies": "files with the bytes of another",
    "largest_cluster": "scans in the largest cluster of copies",
    "conflicts": "images under two labels",
    "conflict_scans": "scans of those images",
    "source_label_conflicts": "scans whose source gives them another label",
    "patients_given": "scans whose patient comes from the table of patients",
    "patient_conflicts": "images under two patients",
    "pairs_of_two_patients": "pairs that look like copies but are of two known patients",
    "blank": "blank pictures and placeholders, which tie nobody",
    "relatives_groups": "groups of look-alikes of unknown patients",
    "largest_relatives_group": "scans in the largest of them",
    "relatives_of_two_patients": "of them, those with several known patients",
    "overruled": "decisions that a person overrode",
    "recall": "recall: planted copies that were found",
    "recall_same_side": "planted copies that are in the same split as their original",
    "precision": "precision: found copies that were planted",
}
_WORTH_A_TABLE = (
    "clusters",
    "relatives_groups",
    "overruled",
    "source_label_conflicts",
    "patients_given",
)
"""Metrics of which one must be positive for a table of copies."""
_FILE_NAMES = (
    "A scan is named after its file, which says nothing about its patient: a copy without a patient"
    " inherits that of the scan it copies."
)


def data(report: ReportData) -> Section:
    """Describe each task's data: sources and licences, counts, known issues, copies."""
    blocks: list[Block] = [
        Text(
            "Nothing below is guessed: it comes from the publishers and from the files"
            " themselves, every one of which was decoded."
            f' "{UNKNOWN}" means that neither states it.'
        )
    ]
    for task, scans in report.tasks.items():
        blocks += [Heading(f"Data of the {task}"), *_sets(scans), *_counts(scans)]
        blocks += [*_known_issues(scans), *_copies(report, scans)]
    if not report.tasks:
        blocks.append(Text(f"The data are {numbers.NOT_REPORTED}."))
    return Section("data", "The data and their known issues", tuple(blocks))


def _sets(data: TaskData) -> list[Block]:
    return [QuestionList(tuple(pair for one in data.sets for pair in _description(data, one)))]


def _description(data: TaskData, one: DataSet) -> tuple[tuple[str, str], ...]:
    from_set = data.scans[data.scans["source"] == one.name]
    published = f"{one.published:,}" if one.published else UNKNOWN
    return (
        ("Data set", one.name),
        (
            "Scans",
            f"{len(from_set):,} usable, copies included; number of published scans: {published}",
        ),
        ("Patients", patients(from_set)),
        ("How patients are identified", one.patients or UNKNOWN),
        ("Acquisition and labels", one.collection or UNKNOWN),
        ("Licence", one.licence or UNKNOWN),
        ("Source", one.source or UNKNOWN),
        ("Citation", one.citation or UNKNOWN),
    )


def _counts(data: TaskData) -> list[Block]:
    """Count the scans of each class, also in each split."""
    label, split = classes(data.scans), data.split
    labels = sorted(set(label))
    head: tuple[str, ...] = ("class", "scans")
    rows = [(terms.words(name), numbers.count((label == name).sum())) for name in labels]
    table = Table("Usable scans of each class, copies included.", head, tuple(rows))
    if split is not None:
        label_in_split = classes(split)
        head += SPLITS
        table = Table(
            "Usable scans of each class, copies included, and the scans in each split.",
            head,
            tuple(
                (shown, count, *_by_split(split[label_in_split == name]["split"].tolist()))
                for name, (shown, count) in zip(labels, rows, strict=True)
            ),
        )
    covariates = covariate_tables(split)
    folded = [Collapsible("Covariates of the scans", tuple(covariates))] if covariates else []
    return [table, *folded]


def _by_split(splits: list[str]) -> list[str]:
    return [numbers.count(splits.count(split)) for split in SPLITS]


def _known_issues(data: TaskData) -> list[Block]:
    issues = [
        f"{one.name}: {issue}" if len(data.sets) > 1 else issue
        for one in data.sets
        for issue in one.known_issues
    ]
    blocks: list[Block] = []
    if issues:
        blocks = [Text("Known issues of the data sets:"), Bullets(tuple(issues))]
    return [*blocks, *_integrity(data)]


def _integrity(data: TaskData) -> list[Block]:
    counts = data.findings["kind"].value_counts()
    kinds = rules(data.task)
    rows = tuple(
        (
            terms.words(kind),
            rule.words,
            affected(kind, int(counts[kind])),
            consequence(data.task, kind),
        )
        for kind, rule in kinds.items()
        if kind in counts
    )
    clean = [terms.words(kind) for kind in kinds if kind not in counts]
    note = f"Checked and not found: {', '.join(clean)}." if clean else ""
    if not rows:
        return [Text(f"Every file was checked by fixed rules, and nothing was found. {note}")]
    caption = "Findings of the integrity check, which follows fixed rules."
    head = ("finding", "rule", "found in", "consequence")
    source = f"data/raw/{data.task}/{INTEGRITY}"
    return [Table(caption, head, rows, note, source), *_each_finding(data)]


def _each_finding(data: TaskData) -> list[Block]:
    lines = [f"{one.kind}, {one.path}: {one.detail}" for one in data.findings.itertuples()]
    rest = [f"and {len(lines) - LISTED:,} more"] if len(lines) > LISTED else []
    return [Collapsible("Each finding", (Bullets((*lines[:LISTED], *rest)),))]


def _copies(report: ReportData, data: TaskData) -> list[Block]:
    metrics = report.metrics_of("deduplicate", data.task)
    if not metrics:
        return [Text(f"Copies: {numbers.NOT_REPORTED}.")]
    if not any(metrics.get(key) for key in _WORTH_A_TABLE):
        return [Text(f"Among {numbers.metric_count(metrics, 'scans')} scans no copy was found.")]
    rows = tuple(
        (words, _copy_metric(key, metrics[key]))
        for key, words in _COPIES.items()
        if metrics.get(key)
    )
    return [
        Table(
            "Copies, conflicts and look-alikes.",
            ("what", "number"),
            rows,
            source=f"metrics/deduplicate/{data.task}.csv",
        ),
        *_conflicts(report, data),
        *side_by_side(
            [
                *picture(
                    report,
                    f"data/deduplicated/{data.task}/montage.png",
                    "Pairs of scans that are treated as copies, with their differences",
                    "Pairs treated as copies: the scan that is kept, its copy and their difference;"
                    " the most doubtful pairs first.",
                ),
                *picture(
                    report,
                    f"data/prepared/{data.task}/crop.png",
                    "Scans with the box around the head that they are cropped to",
                    "Each scan with the box around the head that it is cropped to.",
                ),
            ]
        ),
    ]


def _copy_metric(key: str, value: float | None) -> str:
    return (
        numbers.number(value) if key.startswith(("recall", "precision")) else numbers.count(value)
    )


def _split_consequence(report: ReportData) -> str:
    if report.params.split.protocol == "random":  # as published studies did
        return "; the protocol `random` uses them nevertheless"
    return ", so none of them is used"


def _class(label: object) -> str:
    return terms.words(str(label))


def _conflicts(report: ReportData, data: TaskData) -> list[Block]:
    """List the images in two classes and the copies of two patients."""
    table = report.table(f"data/deduplicated/{data.task}/duplicates.csv")
    if table.empty:
        return []
    return [*_two_classes(report, table[table["conflict"]]), *_two_patients(data, table)]


def _two_classes(report: ReportData, conflicts: pd.DataFrame) -> list[Block]:
    if conflicts.empty:
        return []
    rows = [
        (
            str(one.scan_id),
            _class(one.label),
            "at its source" if one.rule == "source label" else str(one.duplicate_of),
            _class(one.label_of),
        )
        for one in conflicts.head(LISTED).itertuples()
    ]
    source = int((conflicts["rule"] == "source label").sum())
    of_source = f" ({source:,} of them here and at their source)" if source else ""
    are = "is" if len(conflicts) == 1 else "are"
    words = (
        f"{number_of(len(conflicts), 'image')} {are} under two labels{of_source}, and the files do"
        f" not tell which is right{_split_consequence(report)}."
    )
    caption = "One image under two labels."
    head = ("scan", "its class", "the same image", "its class there")
    each = _each_conflict("Each label conflict", caption, head, rows, len(conflicts), _FILE_NAMES)
    return [Notice(words), each]


def _two_patients(data: TaskData, table: pd.DataFrame) -> list[Block]:
    """List the copies with another patient than the kept scan."""
    copies = contradicting_copies(table, data.scans["source"])
    if copies.empty:
        return []
    rows = [
        (str(one.scan_id), str(one.patient), str(one.duplicate_of), str(one.patient_of))
        for one in copies.head(LISTED).itertuples()
    ]
    are = "is" if len(copies) == 1 else "are"
    words = (
        f"{number_of(len(copies), 'image')} {are} under two patients, and the files do not tell"
        " which is right: all scans of both patients are one group, on one side of the split."
    )
    head = ("scan", "its patient", "the same image", "its patient there")
    caption = "One image under two patients."
    return [
        Notice(words),
        _each_conflict("Each patient conflict", caption, head, rows, len(copies)),
    ]


def _each_conflict(
    summary: str,
    caption: str,
    head: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    count: int,
    note: str = "",
) -> Collapsible:
    more = f"And {count - LISTED:,} more." if count > LISTED else ""
    return Collapsible(
        summary, (Table(caption, tuple(head), tuple(rows), f"{note} {more}".strip()),)
    )
