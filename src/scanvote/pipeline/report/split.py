"""The section on the splits: who trains, who tests, what leaks, and what a leak would add."""

from collections.abc import Callable
from functools import partial

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Bullets, Heading, Notice, Section, Table, Text
from scanvote.pipeline.report.patients import audit_claim
from scanvote.pipeline.report.pictures import others, picture, side_by_side
from scanvote.pipeline.report.report_data import TASKS, Metrics, ReportData
from scanvote.pipeline.report.shortcuts import shortcuts
from scanvote.pipeline.report.tables import frame_table
from scanvote.splits.groups import LINKS, SPLITS
from scanvote.splits.known_patients import protocol_words

PROTOCOLS = {
    "grouped": "Whole groups of scans that have a known patient, a series, a look-alike or a copy"
    " in common are dealt to the splits.",
    "official": "The test part is the published one, or one of the published folds; every scan"
    " that is known to share a patient, a look-alike or a copy with it leaves training.",
    "site": "The test part is one institution; every scan that is known to share a patient, a"
    " look-alike or a copy with it leaves training.",
    "random": "Every scan is dealt for itself, copies included.",
}
_KINDS = {
    "patient": "the same patient",
    "series": "the same series",
    "relatives": "look-alikes of an unknown patient",
    "duplicate": "copies of one scan",
    "sha256": "the same bytes",
    "group": "any of these, directly or through others",
}
_SIZES = {"scans": "scans", "scans_patient_known": "of known patients", "groups": "groups"}
_INFLATION = "metrics/inflation/classification"


def partition(facts: ReportData) -> Section:
    """The splits, the audit, and the inflation beside it."""
    split = facts.params.split
    words = PROTOCOLS[split.protocol]
    told = f" Fold {split.fold + 1} of {split.folds} is the test part." if split.folds else ""
    blocks = [
        Text(f"Protocol `{split.protocol}`. {words}{told}"),
        *_sizes(facts),
        Heading("The leak audit"),
        *_audit(facts),
        Heading("What a leak would add"),
        *_inflation(facts),
        *shortcuts(facts),
    ]
    return Section("splits", "The splits, the leak audit and what a leak adds", tuple(blocks))


def _sizes(facts: ReportData) -> list[Block]:
    rows = [
        (task, split, *(numbers.counted(found, f"{split}_{what}") for what in _SIZES))
        for task in TASKS
        if (found := facts.figures("prepare", task))
        for split in SPLITS
    ]
    if not rows:
        return [Text(f"The sizes of the splits are {numbers.NOT_REPORTED}.")]
    caption = "The splits, in scans and in groups of scans that belong together."
    return [Table(caption, ("task", "split", *_SIZES.values()), tuple(rows))]


def leaked(facts: ReportData) -> dict[str, int]:
    """By task, pairs of scans across the splits with anything in common."""
    return {
        task: int(found["leaked_pairs_group"] or 0)
        for task in TASKS
        if "leaked_pairs_group" in (found := facts.figures("prepare", task))
    }


def _audit(facts: ReportData) -> list[Block]:
    tasks = [task for task in TASKS if facts.figures("prepare", task)]
    if not tasks:
        return [Text(f"The audit is {numbers.NOT_REPORTED}.")]
    rows = tuple(
        (
            _KINDS[link],
            *(numbers.counted(facts.figures("prepare", t), f"leaked_pairs_{link}") for t in tasks),
        )
        for link in (*LINKS, "group")
    )
    caption = "Pairs of scans on two sides of a split that are known to have something in common."
    blind = Bullets(tuple(f"{task.capitalize()}: {audit_claim(facts, task)}" for task in tasks))
    return [_verdict(facts), Table(caption, ("in common", *tasks), rows), blind]


def _verdict(facts: ReportData) -> Block:
    leaks = {task: pairs for task, pairs in leaked(facts).items() if pairs}
    if not leaks:
        return Text(
            "After the split every pair of scans on two sides is checked again. The audit finds"
            " none that is known to have anything in common, and the pipeline stops where there is"
            " one."
        )
    told = ", ".join(f"{pairs:,} pairs in the {task}" for task, pairs in leaks.items())
    return Notice(
        f"This split leaks by its protocol: {told}. The results below measure what a leak adds,"
        " and are not those of unseen patients."
    )


def _inflation(facts: ReportData) -> list[Block]:
    found, table = facts.figures("inflation", "classification"), f"{_INFLATION}/table.csv"
    if not found:
        return [Text(f"What a leak would add is {numbers.NOT_REPORTED}.")]
    naming = _naming(found)
    caption = "The same classifier under each protocol."
    shown = picture(
        facts,
        f"{_INFLATION}/inflation.png",
        "Accuracy and macro F1 of the same classifier under each protocol, with intervals; the"
        " figures stand in the table above",
        "What a leak adds to the figures of one and the same classifier.",
    )
    return [
        Text(_inflation_words(found, naming)),
        *frame_table(facts.table(table), caption, {"protocol": naming}),
        *side_by_side([*shown, *others(facts, _INFLATION, ["inflation", "shortcuts"])]),
    ]


def _naming(found: Metrics) -> Callable[[str], str]:
    """What a protocol is called, by how many scans have a known patient."""
    known, scans = found.get("scans_patient_known"), found.get("scans")
    if known is None or scans is None:
        return terms.words
    return partial(protocol_words, known=int(known), scans=int(scans))


def _inflation_words(found: Metrics, naming: Callable[[str], str]) -> str:
    words = (
        "One and the same small classifier, a logistic regression with nothing to tune, is trained"
        " and tested under each protocol. Scans dealt at random, as in much of the literature,"
        f" reach an accuracy of {numbers.of(found, 'random_accuracy')}; scans"
        f" {naming('grouped')} {numbers.of(found, 'grouped_accuracy')}. Dealing at random adds"
        f" {numbers.of(found, 'inflation_accuracy')} to the accuracy and"
        f" {numbers.of(found, 'inflation_macro_f1')} to the macro F1, for nothing that was learned"
        " about a disease."
    )
    if "look_alikes_accuracy" in found:
        words += (
            f" The same scans {naming('look_alikes')}, as if no patient was known, reach"
            f" {numbers.of(found, 'look_alikes_accuracy')}."
        )
    known, scans = (int(found.get(key) or 0) for key in ("scans_patient_known", "scans"))
    if known < scans:
        words += (
            f" The patient is known of {numbers.share(known, scans)} scans: slices of one unknown"
            " patient may stand on both sides under every protocol, and what that adds is not"
            " measured."
        )
    return words
