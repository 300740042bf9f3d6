"""The CLAIM 2024 checklist, answered from the files of the pipeline."""

from collections.abc import Callable, Iterable

from scanvote.metrics.bootstrap import interval_method
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Section, Table, Text
from scanvote.pipeline.report.claim_data import (
    data_items,
    join_pairs,
    partition_items,
    reference_items,
)
from scanvote.pipeline.report.claim_items import ITEMS
from scanvote.pipeline.report.data_card.tables import UNKNOWN, patients
from scanvote.pipeline.report.details import missed_patients
from scanvote.pipeline.report.galleries import METHODS
from scanvote.pipeline.report.limits import limitations
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.page import rendered, title
from scanvote.pipeline.report.patients import patient_claim
from scanvote.pipeline.report.report_data import ReportData
from scanvote.pipeline.report.reproduce import versions
from scanvote.pipeline.report.search import FAMILIES, voters
from scanvote.pipeline.report.summary import class_answer, classes_of, mask_answer, question

_PAPER = f"{NOT_REPORTED}: left to the manuscript"
"""Answer to the items that only the authors of a paper know."""


def claim(report: ReportData) -> str:
    """Return the checklist as Markdown: number, item and answer."""
    answer_by_number = answers(report)
    parts = [
        Section("", section, _items(items, answer_by_number)) for section, items in ITEMS.items()
    ]
    heading = f"CLAIM 2024 checklist: {title(report).removeprefix('scanvote: ')}"
    about = Text(
        "The Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al.,"
        " Radiology: Artificial Intelligence 6(4), 2024), its items in words of our own, answered"
        f' from the files of the pipeline. "{NOT_REPORTED}" means that these do not hold the answer'
        " and the authors must give it."
    )
    return rendered(
        "card.md", heading, [Section("", "", (about,)), *parts], report.params.smoke, markdown=True
    )


def _items(items: dict[int, str], answer_by_number: dict[int, str]) -> tuple[Block, ...]:
    rows = tuple((str(number), item, answer_by_number[number]) for number, item in items.items())
    return (Table("", ("no.", "item", "answer"), rows),)


def answers(report: ReportData) -> dict[int, str]:
    """Return the answer to each of the 44 items, by number."""
    parts: tuple[Callable[[ReportData], dict[int, str]], ...] = (
        _front,
        data_items,
        reference_items,
        partition_items,
        _model,
        _evaluation,
        _results,
        _end,
    )
    return {number: answer for part in parts for number, answer in part(report).items()}


def _front(report: ReportData) -> dict[int, str]:
    return {
        1: f"{_PAPER}; the technology is deep learning, an ensemble of classifiers and a U-Net",
        2: f"{_PAPER}; the results are in item 37",
        3: f"Intended use: research on the methods, not diagnosis. Background: {_PAPER}",
        4: question(report),
        5: "retrospective, on data that were collected before",
        6: "to create models and to evaluate them on held-out scans",
    }


def _summary(report: ReportData) -> Iterable[str]:
    if report.metrics_of("evaluate", "classification"):
        yield f"{class_answer(report)} {patient_claim(report, 'classification')}"
    if report.metrics_of("evaluate", "segmentation"):
        yield f"{mask_answer(report)} {patient_claim(report, 'segmentation')}"


def _model(report: ReportData) -> dict[int, str]:
    params, search, members = report.params, report.params.search, voters(report)
    unet = report.metrics_of("unet", "segmentation")
    return {
        22: f"vote of {'; '.join(members)}; every layer is in the saved models; the U-Net has"
        f" {numbers.metric_count(unet, 'best_parameters')} parameters"
        if members
        else NOT_REPORTED,
        23: ", ".join(f"{name} {number}" for name, number in versions().items()),
        24: f"at random from the seed {params.seed}; transfer learning from the weights"
        f" {params.transfer.weights}",
        25: f"{search.optimizer}, learning rate {params.lr:g}, {search.epochs} epochs at most,"
        f" patience {search.patience}, batches of {search.batch_size}, loss"
        f" {terms.words(search.loss)}; the U-Net {params.unet.optimizer}, {params.unet.epochs}"
        f" epochs, loss {terms.listed(params.unet.loss)}; all settings are in the report",
        26: f"by {terms.metric(search.objective)} on validation, {search.algorithm} search,"
        f" {_trials(report)}",
        27: f"{terms.rule(params.ensemble.rule)} of the {params.ensemble.top} members chosen on"
        " validation",
    }


def _trials(report: ReportData) -> str:
    return join_pairs(
        (terms.family(family), f"{numbers.metric_count(metrics, 'trials')} trials")
        for family in FAMILIES
        if (metrics := report.metrics_of("search", family)).get("trials")
    )


def _evaluation(report: ReportData) -> dict[int, str]:
    methods = terms.listed(METHODS[name] for name in report.params.explain.methods)
    explained = report.metrics_of("explain", "classification")
    classes = report.metrics_of("evaluate", "classification")
    inflation = report.metrics_of("inflation", "classification")
    return {
        28: "accuracy, balanced accuracy, macro F1, Matthews correlation, AUROC, average precision,"
        " Brier score, calibration error; Dice, IoU, Hausdorff distance, surface Dice",
        29: f"{interval_method('groups or patients')}; exact McNemar"
        f" {numbers.p_words(classes, 'mcnemar_p')}, DeLong {numbers.p_words(classes, 'delong_p')},"
        " Holm's correction; Wilcoxon over patients",
        30: f"a leak in the split adds {numbers.metric(inflation, 'inflation_accuracy')} of"
        f" accuracy to one classifier; subgroups {_subgroups(report)}",
        31: f"{methods}; the share of the attribution inside known lesions is measured"
        if explained
        else NOT_REPORTED,
        32: "on the test scans, see item 37; on validation, by which the models were chosen, see"
        " the report",
        33: f"the institution {report.params.split.site} is held out"
        if report.params.split.protocol == "site"
        else f"{NOT_REPORTED}: the test scans come from the same sources as the training scans",
        34: "not applicable: no clinical trial",
    }


def _subgroups(report: ReportData) -> str:
    table = report.table("metrics/evaluate/classification/subgroups.csv")
    return NOT_REPORTED if table.empty else f"in {len(table)} rows of the report"


def _results(report: ReportData) -> dict[int, str]:
    classes = report.metrics_of("evaluate", "classification")
    votes = report.table("metrics/evaluate/classification/confusion.csv")
    errors = int((votes["actual"] != votes["predicted"]).sum()) if len(votes) else 0
    return {
        35: "; ".join(
            f"{task}: {len(data.scans):,} scans, patients {patients(data.scans)}"
            for task, data in report.tasks.items()
        )
        or NOT_REPORTED,
        36: join_pairs(_characteristics(report)),
        37: " ".join(_summary(report)) or NOT_REPORTED,
        38: "; ".join(
            f"{terms.words(label)}:"
            f" sensitivity {numbers.metric(classes, f'vote_sensitivity_{label}')},"
            f" specificity {numbers.metric(classes, f'vote_specificity_{label}')}"
            for label in classes_of(report)
        )
        or NOT_REPORTED,
        39: f"{numbers.share(errors, len(votes))} test scans have a wrong vote, see the confusion"
        f" matrix and the galleries of the report. {missed_patients(report)}".strip()
        if len(votes)
        else NOT_REPORTED,
    }


def _characteristics(report: ReportData) -> Iterable[tuple[str, str]]:
    for task, data in report.tasks.items():
        fields = [one for one in ("age", "sex", "grade", "institution") if one in data.scans]
        known = f"known: {', '.join(fields)}" if fields else f"age, sex and grade {UNKNOWN}"
        yield task, f"{known}; the classes in each split are in the report"


def _end(report: ReportData) -> dict[int, str]:
    return {
        40: "; ".join(one.rstrip(".") for one in limitations(report)),
        41: f"not for diagnosis; implications: {_PAPER}",
        42: "metrics/report.html, params.yaml and dvc.yaml hold every step and setting",
        43: "the code is this repository; models are outputs of DVC; the data are available from"
        " their publishers, see item 7",
        44: NOT_REPORTED,
    }
