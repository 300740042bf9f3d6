"""The CLAIM 2024 checklist, answered as far as the pipeline knows."""

from collections.abc import Callable, Iterable

from scanvote.metrics.bootstrap import interval_method
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Section, Table, Text
from scanvote.pipeline.report.claim_data import each, of_data, of_partitions, of_reference
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

_PAPER = f"{NOT_REPORTED}: of the manuscript"
"""What no pipeline can know."""


def claim(facts: ReportData) -> str:
    """The checklist as Markdown: number, item, answer."""
    told = answers(facts)
    parts = [Section("", section, _items(items, told)) for section, items in ITEMS.items()]
    heading = f"CLAIM 2024 checklist: {title(facts).removeprefix('scanvote: ')}"
    about = Text(
        "The Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al.,"
        " Radiology: Artificial Intelligence 6(4), 2024), its items in words of our own, answered"
        f' from the files of the pipeline. "{NOT_REPORTED}" stands where these do not tell; an'
        " author must."
    )
    return rendered(
        "card.md", heading, [Section("", "", (about,)), *parts], facts.params.smoke, markdown=True
    )


def _items(items: dict[int, str], told: dict[int, str]) -> tuple[Block, ...]:
    rows = tuple((str(number), asked, told[number]) for number, asked in items.items())
    return (Table("", ("no.", "item", "answer"), rows),)


def answers(facts: ReportData) -> dict[int, str]:
    """An answer for each of the 44 numbers."""
    parts: tuple[Callable[[ReportData], dict[int, str]], ...] = (
        _front,
        of_data,
        of_reference,
        of_partitions,
        _model,
        _evaluation,
        _results,
        _end,
    )
    return {number: answer for part in parts for number, answer in part(facts).items()}


def _front(facts: ReportData) -> dict[int, str]:
    return {
        1: f"{_PAPER}; the technology is deep learning, an ensemble of classifiers and a U-Net",
        2: f"{_PAPER}; the results stand in item 37",
        3: f"Intended use: research on the methods, not diagnosis. Background: {_PAPER}",
        4: question(facts),
        5: "retrospective, on data that were collected before",
        6: "to create models and to evaluate them on held-out scans",
    }


def _summary(facts: ReportData) -> Iterable[str]:
    if facts.figures("evaluate", "classification"):
        yield f"{class_answer(facts)} {patient_claim(facts, 'classification')}"
    if facts.figures("evaluate", "segmentation"):
        yield f"{mask_answer(facts)} {patient_claim(facts, 'segmentation')}"


def _model(facts: ReportData) -> dict[int, str]:
    params, search, voting = facts.params, facts.params.search, voters(facts)
    return {
        22: f"vote of {'; '.join(voting)}; every layer is in the saved"
        " models; the U-Net has"
        f" {numbers.counted(facts.figures('unet', 'segmentation'), 'best_parameters')} parameters"
        if voting
        else NOT_REPORTED,
        23: ", ".join(f"{name} {one}" for name, one in versions().items()),
        24: f"at random from the seed {params.seed}; transfer from weights"
        f" {params.transfer.weights}",
        25: f"{search.optimizer}, learning rate {params.lr:g}, {search.epochs} epochs at most,"
        f" patience {search.patience}, batches of {search.batch_size}, loss"
        f" {terms.words(search.loss)}; the U-Net {params.unet.optimizer}, {params.unet.epochs}"
        f" epochs, loss {terms.listed(params.unet.loss)}; all settings are in the report",
        26: f"by {terms.figure(search.objective)} on validation, {search.algorithm} search,"
        f" {_trials(facts)}",
        27: f"{terms.rule(params.ensemble.rule)} of the {params.ensemble.top} members chosen on"
        " validation",
    }


def _trials(facts: ReportData) -> str:
    return each(
        (terms.family(family), f"{numbers.counted(found, 'trials')} trials")
        for family in FAMILIES
        if (found := facts.figures("search", family)).get("trials")
    )


def _evaluation(facts: ReportData) -> dict[int, str]:
    methods = terms.listed(METHODS[one] for one in facts.params.explain.methods)
    explained = facts.figures("explain", "classification")
    classes = facts.figures("evaluate", "classification")
    inflation = facts.figures("inflation", "classification")
    return {
        28: "accuracy, balanced accuracy, macro F1, Matthews correlation, AUROC, average precision,"
        " Brier score, calibration error; Dice, IoU, Hausdorff distance, surface Dice",
        29: f"{interval_method('groups or patients')}; exact McNemar"
        f" {numbers.p_words(classes, 'mcnemar_p')}, DeLong {numbers.p_words(classes, 'delong_p')},"
        " Holm's correction; Wilcoxon over patients",
        30: f"a leak in the split adds {numbers.of(inflation, 'inflation_accuracy')} of accuracy to"
        f" one classifier; subgroups {_subgroups(facts)}",
        31: f"{methods}; the share inside known lesions is measured" if explained else NOT_REPORTED,
        32: "on the test part, see item 37; on validation, by which the models were chosen, see the"
        " report",
        33: f"the institution {facts.params.split.site} is held out"
        if facts.params.split.protocol == "site"
        else f"{NOT_REPORTED}: the test scans come from the sources of the training",
        34: "not applicable: no clinical trial",
    }


def _subgroups(facts: ReportData) -> str:
    table = facts.table("metrics/evaluate/classification/subgroups.csv")
    return NOT_REPORTED if table.empty else f"in {len(table)} rows of the report"


def _results(facts: ReportData) -> dict[int, str]:
    classes = facts.figures("evaluate", "classification")
    wrong = facts.table("metrics/evaluate/classification/confusion.csv")
    missed = int((wrong["actual"] != wrong["predicted"]).sum()) if len(wrong) else 0
    return {
        35: "; ".join(
            f"{task}: {len(known.scans):,} scans, patients {patients(known.scans)}"
            for task, known in facts.known.items()
        )
        or NOT_REPORTED,
        36: each(_characteristics(facts)),
        37: " ".join(_summary(facts)) or NOT_REPORTED,
        38: "; ".join(
            f"{terms.words(label)}: sensitivity {numbers.of(classes, f'vote_sensitivity_{label}')},"
            f" specificity {numbers.of(classes, f'vote_specificity_{label}')}"
            for label in classes_of(facts)
        )
        or NOT_REPORTED,
        39: f"{numbers.share(missed, len(wrong))} test scans are voted wrong, see the confusion"
        f" matrix and the galleries of the report. {missed_patients(facts)}".strip()
        if len(wrong)
        else NOT_REPORTED,
    }


def _characteristics(facts: ReportData) -> Iterable[tuple[str, str]]:
    for task, known in facts.known.items():
        there = [f for f in ("age", "sex", "grade", "institution") if f in known.scans]
        told = f"known: {', '.join(there)}" if there else f"age, sex and grade {UNKNOWN}"
        yield task, f"{told}; classes in each split stand in the report"


def _end(facts: ReportData) -> dict[int, str]:
    return {
        40: "; ".join(one.rstrip(".") for one in limitations(facts)),
        41: f"not for diagnosis; implications: {_PAPER}",
        42: "metrics/report.html, params.yaml and dvc.yaml hold every step and setting",
        43: "the code is this repository; models are outputs of DVC; the data are had from their"
        " publishers, see item 7",
        44: NOT_REPORTED,
    }
