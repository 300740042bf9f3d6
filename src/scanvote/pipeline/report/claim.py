"""The CLAIM 2024 checklist, answered from the files of the pipeline."""

from collections.abc import Callable, Iterable

from scanvote.metrics.bootstrap import interval_method, no_interval, number_of, too_few
from scanvote.params import Task
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
from scanvote.pipeline.report.summary import classes_of, question, task_answer

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
    kinds = {"classification": "an ensemble of classifiers", "segmentation": "a U-Net"}
    technology = terms.listed(kinds[task] for task in report.params.tasks)
    return {
        1: f"{_PAPER}; the technology is deep learning, {technology}",
        2: f"{_PAPER}; the results are in item 37",
        3: f"Intended use: research on the methods, not diagnosis. Background: {_PAPER}",
        4: question(report),
        5: "retrospective, on data that were collected before",
        6: "to create models and to evaluate them on held-out scans",
    }


def _summary(report: ReportData) -> Iterable[str]:
    for task in report.params.tasks:
        if report.metrics_of("evaluate", task):
            yield f"{task_answer(report, task)} {patient_claim(report, task)}"


def _of_tasks(report: ReportData, classification: str, segmentation: str) -> str:
    """Join the answers of the tasks of the study."""
    answers = {"classification": classification, "segmentation": segmentation}
    return "; ".join(one for task in report.params.tasks if (one := answers[task])) or NOT_REPORTED


def _model(report: ReportData) -> dict[int, str]:
    params, search = report.params, report.params.search
    return {
        22: _of_tasks(report, _layers(report), _unet_layers(report)),
        23: ", ".join(f"{name} {number}" for name, number in versions().items()),
        24: f"at random from the seed {params.seed}"
        + (
            f"; transfer learning from the weights {params.transfer.weights}"
            if report.studies("classification")
            else ""
        ),
        25: _of_tasks(
            report,
            f"{search.optimizer}, learning rate {params.lr:g}, at most"
            f" {number_of(search.epochs, 'epoch')}, patience {search.patience or 'none'},"
            f" batches of {search.batch_size}, loss {terms.words(search.loss)}",
            f"the U-Net {params.unet.optimizer}, learning rate {params.lr:g},"
            f" {number_of(params.unet.epochs, 'epoch')}, loss {terms.listed(params.unet.loss)}",
        )
        + "; all settings are in the report",
        26: _of_tasks(
            report,
            f"by {terms.metric(search.objective)} on validation, {search.algorithm} search,"
            f" {_trials(report)}",
            f"the U-Net by Dice on validation, {_unet_trials(report)}",
        ),
        27: f"{terms.rule(params.ensemble.rule)} of the {params.ensemble.top} members chosen on"
        " validation"
        if report.studies("classification")
        else "not applicable: no classifiers vote",
    }


def _unet_trials(report: ReportData) -> str:
    trials = report.metrics_of("unet", "segmentation").get("trials")
    return f"trials {NOT_REPORTED}" if trials is None else number_of(int(trials), "trial")


def _layers(report: ReportData) -> str:
    members = voters(report)
    names = f"vote of {'; '.join(members)}; every layer is in the saved models"
    return names if members else f"vote {NOT_REPORTED}"


def _unet_layers(report: ReportData) -> str:
    unet = report.metrics_of("unet", "segmentation")
    return f"the U-Net has {numbers.metric_count(unet, 'best_parameters')} parameters"


def _trials(report: ReportData) -> str:
    return join_pairs(
        (terms.family(family), number_of(int(metrics["trials"] or 0), "trial"))
        for family in FAMILIES
        if (metrics := report.metrics_of("search", family)).get("trials")
    )


def _evaluation(report: ReportData) -> dict[int, str]:
    methods = terms.listed(METHODS[name] for name in report.params.explain.methods)
    explained = report.metrics_of("explain", "classification")
    inflation = report.metrics_of("inflation", "classification")
    return {
        28: _of_tasks(
            report,
            "accuracy, balanced accuracy, macro F1, Matthews correlation, AUROC, average precision,"
            " Brier score, calibration error",
            "Dice, IoU, Hausdorff distance, surface Dice",
        ),
        29: _of_tasks(report, _tests_of_vote(report), _tests_of_masks(report)),
        30: _of_tasks(
            report,
            f"a leak in the split adds {numbers.metric(inflation, 'inflation_accuracy')} of"
            " accuracy to one classifier; subgroups of the classification"
            f" {_subgroups(report, 'classification')}",
            f"subgroups of the segmentation {_subgroups(report, 'segmentation')}",
        ),
        31: _of_tasks(
            report,
            f"{methods}; the share of the attribution inside known lesions is measured"
            if explained
            else f"of the classification {NOT_REPORTED}",
            "the masks are shown themselves",
        ),
        32: "on the test scans, see item 37; on validation, by which the models were chosen, see"
        " the report",
        33: f"the institution {report.params.split.site} is held out"
        if report.params.split.protocol == "site"
        else f"{NOT_REPORTED}: the test scans come from the same sources as the training scans",
        34: "not applicable: no clinical trial",
    }


def _tests_of_vote(report: ReportData) -> str:
    metrics = report.metrics_of("evaluate", "classification")
    method, tested = _intervals(metrics.get("test_groups"), "group", "classification")
    if not tested:
        return method
    tests = [
        f"{name} {numbers.p_words(metrics, key)}"
        for name, key in (("exact McNemar", "mcnemar_p"), ("DeLong", "delong_p"))
    ]
    return f"{method}; {', '.join(tests)}, Holm's correction"


def _tests_of_masks(report: ReportData) -> str:
    metrics = report.metrics_of("evaluate", "segmentation")
    method, tested = _intervals(metrics.get("test_patients"), "patient", "segmentation")
    return f"{method}; Wilcoxon {numbers.p_words(metrics, 'wilcoxon_p')}" if tested else method


def _intervals(count: float | None, of: str, task: Task) -> tuple[str, bool]:
    """Say how intervals are made, or why there are none, and if there are some."""
    if count is None:
        return f"intervals and tests of the {task} {NOT_REPORTED}", False
    if too_few(int(count)):
        return f"{no_interval(int(count), of)}, and nothing is tested", False
    return interval_method(f"{of}s"), True


def _subgroups(report: ReportData, task: Task) -> str:
    table = report.table(f"metrics/evaluate/{task}/subgroups.csv")
    return NOT_REPORTED if table.empty else f"in {len(table)} rows of the report"


def _results(report: ReportData) -> dict[int, str]:
    return {
        35: "; ".join(
            f"{task}: {len(data.scans):,} scans, patients {patients(data.scans)}"
            for task, data in report.tasks.items()
        )
        or NOT_REPORTED,
        36: join_pairs(_characteristics(report)),
        37: " ".join(_summary(report)) or NOT_REPORTED,
        38: _of_tasks(report, _each_class(report), _slices(report)),
        39: _of_tasks(report, _errors(report), _worst(report)),
    }


def _each_class(report: ReportData) -> str:
    metrics = report.metrics_of("evaluate", "classification")
    return "; ".join(
        f"{terms.words(label)}: sensitivity {numbers.metric(metrics, f'vote_sensitivity_{label}')},"
        f" specificity {numbers.metric(metrics, f'vote_specificity_{label}')}"
        for label in classes_of(report)
    )


def _slices(report: ReportData) -> str:
    metrics = report.metrics_of("evaluate", "segmentation")
    return (
        "slices with a lesion that get a mask"
        f" {numbers.metric(metrics, 'slice_sensitivity')}, slices without one that stay empty"
        f" {numbers.metric(metrics, 'slice_specificity')}"
    )


def _errors(report: ReportData) -> str:
    votes = report.table("metrics/evaluate/classification/confusion.csv")
    if votes.empty:
        return ""
    errors = int((votes["actual"] != votes["predicted"]).sum())
    return (
        f"{numbers.share(errors, len(votes))} test scans have a wrong vote, see the confusion"
        f" matrix and the galleries of the report. {missed_patients(report)}"
    ).rstrip(". ")


def _worst(report: ReportData) -> str:
    shown = "metrics/evaluate/segmentation/masks.png" in report.pictures
    return "the masks of the worst patient are in a gallery of the report" if shown else ""


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
