"""The section on splits, leak audit and inflation by leaks."""

from collections.abc import Callable
from functools import partial

from scanvote.metrics.bootstrap import number_of
from scanvote.params import Task
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Bullets, Heading, Notice, Section, Table, Text
from scanvote.pipeline.report.patients import audit_claim
from scanvote.pipeline.report.pictures import others, picture, side_by_side
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.shortcuts import shortcuts
from scanvote.pipeline.report.tables import frame_table
from scanvote.splits.groups import LINKS, SPLITS
from scanvote.splits.known_patients import protocol_words

PROTOCOLS = {
    "grouped": "Whole groups of scans that share a known patient, a series, a look-alike or a copy"
    " are assigned to the splits.",
    "official": "The test split is the published one, or one of the published folds; every scan"
    " that is known to share a patient, a look-alike or a copy with it is removed from training.",
    "site": "The test split is one institution; every scan that is known to share a patient, a"
    " look-alike or a copy with it is removed from training.",
    "random": "Every scan is assigned to a split on its own, copies included.",
}
_KINDS = {
    "patient": "the same patient",
    "series": "the same series",
    "case": "the same case: one mask, or contrasts of one scan",
    "relatives": "look-alikes of an unknown patient",
    "duplicate": "copies of one scan",
    "sha256": "the same bytes",
    "group": "any of these, directly or through other scans",
}
_SIZES = {"scans": "scans", "scans_patient_known": "scans of known patients", "groups": "groups"}
_INFLATION = "metrics/inflation/classification"


def splits(report: ReportData) -> Section:
    """Describe the splits, the leak audit, and for classes the inflation by a leak."""
    split = report.params.split
    words = PROTOCOLS[split.protocol]
    fold = f" Fold {split.fold + 1} of {split.folds} is the test split." if split.folds else ""
    blocks: list[Block] = [
        Text(f"Protocol `{split.protocol}`. {words}{fold}"),
        *_sizes(report),
        Heading("The leak audit"),
        *_audit(report),
    ]
    if not report.studies("classification"):
        return Section("splits", "The splits and the leak audit", tuple(blocks))
    blocks += [Heading("Inflation by a leak"), *_inflation(report), *shortcuts(report)]
    return Section(
        "splits", "The splits, the leak audit and the inflation by a leak", tuple(blocks)
    )


def _sizes(report: ReportData) -> list[Block]:
    rows = [
        (task, split, *(numbers.metric_count(metrics, f"{split}_{size}") for size in _SIZES))
        for task in report.params.tasks
        if (metrics := report.metrics_of("prepare", task))
        for split in SPLITS
    ]
    if not rows:
        return [Text(f"The sizes of the splits are {numbers.NOT_REPORTED}.")]
    caption = "The splits, in scans and in groups of scans that belong together."
    return [Table(caption, ("task", "split", *_SIZES.values()), tuple(rows))]


def leaked(report: ReportData) -> dict[str, int]:
    """Count the related pairs of scans across splits, by task."""
    return {
        task: int(metrics["leaked_pairs_group"] or 0)
        for task in report.params.tasks
        if "leaked_pairs_group" in (metrics := report.metrics_of("prepare", task))
    }


def _audit(report: ReportData) -> list[Block]:
    tasks = [task for task in report.params.tasks if report.metrics_of("prepare", task)]
    if not tasks:
        return [Text(f"The audit is {numbers.NOT_REPORTED}.")]
    rows = tuple(
        (
            _KINDS[link],
            *(
                numbers.metric_count(report.metrics_of("prepare", t), f"leaked_pairs_{link}")
                for t in tasks
            ),
        )
        for link in (*LINKS, "group")
    )
    caption = "Pairs of scans in two different splits that are known to be related."
    claims = Bullets(
        tuple(
            f"{task.capitalize()}: {audit_claim(report, task)}{_patient_conflicts(report, task)}"
            for task in tasks
        )
    )
    return [_verdict(report), Table(caption, ("related by", *tasks), rows), claims]


def _patient_conflicts(report: ReportData, task: Task) -> str:
    """Say what the audit cannot decide: of which of two patients an image is."""
    count = int(report.metrics_of("deduplicate", task).get("patient_conflicts") or 0)
    if not count:
        return ""
    return (
        f" Patient conflicts: {number_of(count, 'image')} under two patients, listed with the data;"
        " all scans of both patients are one group."
    )


def _verdict(report: ReportData) -> Block:
    leaks = {task: pairs for task, pairs in leaked(report).items() if pairs}
    if not leaks:
        return Text(
            "After the split, every pair of scans in two different splits is checked again. The"
            " audit finds no pair that is known to be related; if it found one, the pipeline would"
            " stop."
        )
    pairs_by_task = ", ".join(f"{pairs:,} pairs in the {task}" for task, pairs in leaks.items())
    return Notice(
        f"This split leaks by its protocol: {pairs_by_task}. The results below"
        " include what a leak adds, and are not those of unseen patients."
    )


def _inflation(report: ReportData) -> list[Block]:
    metrics = report.metrics_of("inflation", "classification")
    if not metrics:
        return [Text(f"The inflation by a leak is {numbers.NOT_REPORTED}.")]
    naming = _naming(metrics)
    caption = "The same classifier under each protocol."
    shown = picture(
        report,
        f"{_INFLATION}/inflation.png",
        "Accuracy and macro F1 of the same classifier under each protocol, with intervals; the"
        " numbers are in the table above",
        "Accuracy and macro F1 of the same classifier under each protocol.",
    )
    source = f"{_INFLATION}/table.csv"
    return [
        Text(_inflation_words(metrics, naming)),
        *frame_table(report.table(source), caption, {"protocol": naming}, source=source),
        *side_by_side([*shown, *others(report, _INFLATION, ["inflation", "shortcuts"])]),
    ]


def _naming(metrics: Metrics) -> Callable[[str], str]:
    """Return the display names of protocols, which depend on the known patients."""
    known, scans = metrics.get("scans_patient_known"), metrics.get("scans")
    if known is None or scans is None:
        return terms.words
    return partial(protocol_words, known=int(known), scans=int(scans))


def _inflation_words(metrics: Metrics, naming: Callable[[str], str]) -> str:
    words = (
        "The same small classifier, a logistic regression with nothing to tune, is trained and"
        " tested under each protocol. Scans split at random, as in much of the literature,"
        f" reach an accuracy of {numbers.metric(metrics, 'random_accuracy')}; scans"
        f" {naming('grouped')} {numbers.metric(metrics, 'grouped_accuracy')}. Splitting at random"
        f" adds {numbers.metric(metrics, 'inflation_accuracy')} to the accuracy and"
        f" {numbers.metric(metrics, 'inflation_macro_f1')} to the macro F1, without"
        " anything learned about a disease."
    )
    if "look_alikes_accuracy" in metrics:
        words += (
            f" The same scans {naming('look_alikes')}, as if no patient were known, reach"
            f" {numbers.metric(metrics, 'look_alikes_accuracy')}."
        )
    known, scans = (int(metrics.get(key) or 0) for key in ("scans_patient_known", "scans"))
    if known < scans:
        words += (
            f" The patient of {numbers.share(known, scans)} scans is known: slices of one unknown"
            " patient may be in two splits under every protocol, and what that adds is not"
            " measured."
        )
    return words
