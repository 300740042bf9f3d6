"""The first section: doubts, question, main results and claim about patients."""

from collections.abc import Callable, Mapping

from scanvote.metrics.bootstrap import number_of
from scanvote.params import Task
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Notice, Section, StatCards, Text
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.patients import all_disjoint, claim_block
from scanvote.pipeline.report.probe import probe_sentence
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.split import leaked
from scanvote.pipeline.report.tables import interval_note

Cards = tuple[tuple[str, str, str], ...]
"""Headline metrics: name, value, explanation."""


def answer(report: ReportData) -> Section:
    """Return the section with the question and the main results, doubts first."""
    tasks = [task for task in report.params.tasks if report.metrics_of("evaluate", task)]
    doubtful = [task for task in tasks if is_doubtful(report, task)]
    blocks: list[Block] = [Notice(" ".join(verdicts(report, task))) for task in doubtful]
    blocks.append(Text(question(report)))
    if any(leaked(report).values()):
        blocks.append(
            Notice("Training and test scans share patients or copies: see the leak audit.")
        )
    for task in tasks:
        said = [] if task in doubtful else verdicts(report, task)
        words = " ".join([*said, *_COMPARISONS[task](report)])
        cards = _CARDS[task](report.metrics_of("evaluate", task))
        blocks += [StatCards(cards), claim_block(report, task), *([Text(words)] if words else [])]
    shown = [
        [value for _, value, _ in block.metrics] for block in blocks if isinstance(block, StatCards)
    ]
    if not tasks:
        blocks.append(Text(f"No model was evaluated: the results are {NOT_REPORTED}."))
    elif note := interval_note(shown, "groups of scans, or patients"):
        blocks.append(Text(note))
    return Section("answer", "The question and the answer", tuple(blocks))


def is_doubtful(report: ReportData, task: Task) -> bool:
    """Return True if the model of a task is not shown to be better than something simpler."""
    if task == "classification":
        vote = report.vote
        return vote is not None and (
            vote.only_class is not None
            or vote.against_frequent != "better"
            or bool(probe_sentence(report))
        )
    masks = report.masks
    return masks is not None and {masks.against_baseline, masks.against_empty or "better"} != {
        "better"
    }


def verdicts(report: ReportData, task: Task) -> list[str]:
    """Say how good the model of a task is, in the sentences of its page and card."""
    if task not in report.performances:
        return [f"How good the model of the {task} is, is {NOT_REPORTED}."]
    probe = probe_sentence(report) if task == "classification" else ""
    return [*report.performances[task].sentences(), *([probe] if probe else [])]


def question(report: ReportData) -> str:
    """State the question in one sentence, with the classes and data sets."""
    verbs = {
        "classification": f"distinguish {terms.listed(classes_of(report))}",
        "segmentation": "outline the lesion",
    }
    tasks = [f"{verbs[task]} (data: {', '.join(_sets(report, task))})" for task in report.tasks]
    if not tasks:
        return f"The question is {NOT_REPORTED}: no data were downloaded."
    return (
        "On scans that were used neither in training nor in choosing a model,"
        f" {independence(report)}: how well can networks {', and '.join(tasks)}?"
    )


def independence(report: ReportData) -> str:
    """Say how far the test scans are independent of the training scans."""
    if any(leaked(report).values()):
        return "though scans of the same patients, or copies, were"
    known = "" if all_disjoint(report) else " known to be"
    return f"nor was any other{known} of the same patient, series or look-alike"


def _sets(report: ReportData, task: Task) -> list[str]:
    return sorted(set(report.tasks[task].scans["source"]))


def classes_of(report: ReportData) -> list[str]:
    """Return the classes of the classification, in alphabetical order."""
    if "classification" not in report.tasks:
        return []
    return sorted(set(report.tasks["classification"].scans["label"]) - {""})


def task_answer(report: ReportData, task: Task) -> str:
    """Summarise the results of a task, with what the model is compared with."""
    return " ".join([*verdicts(report, task), *_COMPARISONS[task](report)])


def _of_vote(report: ReportData) -> list[str]:
    metrics = report.metrics_of("evaluate", "classification")
    return [*_positive_classes(report, metrics), comparison(metrics)]


def _positive_classes(report: ReportData, metrics: Metrics) -> list[str]:
    """State the macro F1 over the classes with the finding, if computed."""
    if "vote_positive_classes_macro_f1" not in metrics or report.vote is None:
        return []
    negative = terms.words(str(report.vote.negative))
    return [
        f"Over the classes other than {negative} alone the vote has a macro F1 of"
        f" {numbers.metric(metrics, 'vote_positive_classes_macro_f1')}."
    ]


def comparison(metrics: Metrics) -> str:
    """Compare the vote with its best member by their difference's interval."""
    best = (
        "Its best member, chosen on validation, reaches an accuracy of"
        f" {numbers.metric(metrics, 'best_accuracy')}"
    )
    if "difference_accuracy" not in metrics:
        return f"{best} by itself; the difference was not tested."
    if metrics.get("difference_accuracy_low") is None:
        return f"{best} by itself; the groups are too few to compare it with the vote."
    return (
        f"{best} by itself: the vote is {verdict(metrics, 'difference_accuracy')} (difference"
        f" {numbers.metric(metrics, 'difference_accuracy')}, exact McNemar"
        f" {numbers.p_words(metrics, 'mcnemar_p')})."
    )


def verdict(metrics: Metrics, key: str) -> str:
    """Say whether the interval of a difference excludes zero."""
    low, high = metrics.get(f"{key}_low"), metrics.get(f"{key}_high")
    if low is not None and low > 0:
        return "better"
    if high is not None and high < 0:
        return "worse"
    return "neither shown to be better nor worse"


def _of_masks(report: ReportData) -> list[str]:
    """State the difference from the baseline, if its interval can be given."""
    metrics = report.metrics_of("evaluate", "segmentation")
    if metrics.get("difference_dice_patient_mean_low") is None:
        return []
    return [
        "The difference between the U-Net and the baseline is"
        f" {numbers.metric(metrics, 'difference_dice_patient_mean')}."
    ]


def _class_cards(metrics: Metrics) -> Cards:
    size = _number_of(metrics, "test_scans", "test scan")
    return (
        ("Accuracy of the vote", numbers.metric(metrics, "vote_accuracy"), size),
        ("Macro F1", numbers.metric(metrics, "vote_macro_f1"), "every class has the same weight"),
        ("AUROC", numbers.metric(metrics, "vote_auroc"), "mean of each class against the rest"),
    )


def _mask_cards(metrics: Metrics) -> Cards:
    size = f"mean of {_number_of(metrics, 'test_patients', 'test patient')}"
    return (
        ("Dice of the U-Net", numbers.metric(metrics, "dice_patient_mean"), size),
        ("Baseline", numbers.metric(metrics, "baseline_dice_patient_mean"), "without learning"),
        (
            "Empty masks",
            numbers.metric(metrics, "empty_dice_patient_mean"),
            "1 for a patient without a tumour, 0 for one with a tumour",
        ),
    )


def _number_of(metrics: Metrics, key: str, of: str) -> str:
    count = metrics.get(key)
    return f"{of}s: {NOT_REPORTED}" if count is None else number_of(int(count), of)


_CARDS: Mapping[Task, Callable[[Metrics], Cards]] = {
    "classification": _class_cards,
    "segmentation": _mask_cards,
}
_COMPARISONS: Mapping[Task, Callable[[ReportData], list[str]]] = {
    "classification": _of_vote,
    "segmentation": _of_masks,
}
