"""The first section: question, main results and claim about patients."""

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Notice, Section, StatCards, Text
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.patients import all_disjoint, claim_block, patients_of
from scanvote.pipeline.report.report_data import TASKS, Metrics, ReportData
from scanvote.pipeline.report.split import leaked
from scanvote.pipeline.report.tables import brackets


def answer(report: ReportData) -> Section:
    """Return the section with the question and the main results."""
    blocks: list[Block] = [Text(question(report))]
    if any(leaked(report).values()):
        blocks.append(
            Notice("Training and test scans share patients or copies: see the leak audit.")
        )
    classes, masks = (report.metrics_of("evaluate", task) for task in TASKS)
    if classes:
        blocks += [StatCards(_class_cards(classes)), claim_block(report, "classification")]
        blocks.append(Text(class_answer(report)))
    if masks:
        blocks += [StatCards(_mask_cards(masks)), claim_block(report, "segmentation")]
        blocks.append(Text(mask_answer(report)))
    if classes or masks:
        blocks.append(Text(brackets("groups of scans, or patients")))
    else:
        blocks.append(Text("No model was evaluated: the results are " + NOT_REPORTED + "."))
    return Section("answer", "The question and the answer", tuple(blocks))


def question(report: ReportData) -> str:
    """State the question in one sentence, with the classes and data sets."""
    tasks = []
    if "classification" in report.tasks:
        tasks.append(
            f"distinguish {terms.listed(classes_of(report))}"
            f" (data: {_sets(report, 'classification')})"
        )
    if "segmentation" in report.tasks:
        tasks.append(f"outline the lesion (data: {_sets(report, 'segmentation')})")
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


def _sets(report: ReportData, task: str) -> str:
    return ", ".join(sorted(set(report.tasks[task].scans["source"])))  # type: ignore[index]


def classes_of(report: ReportData) -> list[str]:
    """Return the classes of the classification, in alphabetical order."""
    if "classification" not in report.tasks:
        return []
    return sorted(set(report.tasks["classification"].scans["label"]) - {""})


def class_answer(report: ReportData) -> str:
    """Summarise the vote in two sentences, with what it is compared with."""
    metrics = report.metrics_of("evaluate", "classification")
    return (
        f"On {numbers.metric_count(metrics, 'test_scans')} test scans of"
        f" {numbers.metric_count(metrics, 'test_groups')} groups the"
        f" {terms.rule(report.params.ensemble.rule)} of {report.params.ensemble.top} networks has"
        f" an accuracy of {numbers.metric(metrics, 'vote_accuracy')}, a macro F1 of"
        f" {numbers.metric(metrics, 'vote_macro_f1')} and an AUROC of"
        f" {numbers.metric(metrics, 'vote_auroc')}"
        f"{_positive_classes(report, metrics)}."
        f" {comparison(metrics)}, and always predicting the most frequent class has an accuracy of"
        f" {numbers.metric(metrics, 'majority_class_accuracy')}."
    )


def _positive_classes(report: ReportData, metrics: Metrics) -> str:
    """State the macro F1 over the classes with the finding, if computed."""
    if "vote_positive_classes_macro_f1" not in metrics:
        return ""
    negative = terms.words(str(report.params.evaluate.negative))
    return (
        f", and over the classes other than {negative} alone a macro F1 of"
        f" {numbers.metric(metrics, 'vote_positive_classes_macro_f1')}"
    )


def comparison(metrics: Metrics) -> str:
    """Compare the vote with its best member by their difference's interval."""
    best = (
        f"Its best member, chosen on validation, reaches {numbers.metric(metrics, 'best_accuracy')}"
    )
    if "difference_accuracy" not in metrics:
        return f"{best} by itself; the difference was not tested"
    return (
        f"{best} by itself: the vote is {verdict(metrics, 'difference_accuracy')} (difference"
        f" {numbers.metric(metrics, 'difference_accuracy')}, exact McNemar"
        f" {numbers.p_words(metrics, 'mcnemar_p')})"
    )


def verdict(metrics: Metrics, key: str) -> str:
    """Say whether the interval of a difference excludes zero."""
    low, high = metrics.get(f"{key}_low"), metrics.get(f"{key}_high")
    if low is not None and low > 0:
        return "better"
    if high is not None and high < 0:
        return "worse"
    return "neither shown to be better nor worse"


def mask_answer(report: ReportData) -> str:
    """Summarise the U-Net in two sentences, with what it is compared with."""
    metrics = report.metrics_of("evaluate", "segmentation")
    return (
        f"On {numbers.metric_count(metrics, 'test_patients')} test patients"
        f" ({numbers.metric_count(metrics, 'test_slices')} slices{_unknown_patients(report)}) the"
        f" masks of the U-Net reach a mean Dice of {numbers.metric(metrics, 'dice_patient_mean')},"
        " computed over all slices of a patient together. The baseline without learning has"
        f" {numbers.metric(metrics, 'baseline_dice_patient_mean')}: the U-Net is"
        f" {verdict(metrics, 'difference_dice_patient_mean')} (difference"
        f" {numbers.metric(metrics, 'difference_dice_patient_mean')}), and masks that are always"
        f" empty have {numbers.metric(metrics, 'empty_dice_patient_mean')}: 1 for a patient without"
        " a tumour, 0 for one with a tumour."
    )


def _unknown_patients(report: ReportData) -> str:
    """Explain how slices of unknown patients are counted, if there are any."""
    patients = patients_of(report, "segmentation")
    all_known = patients is None or patients.known["test"] == patients.scans["test"]
    return "" if all_known else "; a slice of an unknown patient counts as a patient"


def _class_cards(metrics: Metrics) -> tuple[tuple[str, str, str], ...]:
    size = f"{numbers.metric_count(metrics, 'test_scans')} test scans"
    return (
        ("Accuracy of the vote", numbers.metric(metrics, "vote_accuracy"), size),
        ("Macro F1", numbers.metric(metrics, "vote_macro_f1"), "every class has the same weight"),
        ("AUROC", numbers.metric(metrics, "vote_auroc"), "mean of each class against the rest"),
    )


def _mask_cards(metrics: Metrics) -> tuple[tuple[str, str, str], ...]:
    size = f"mean of {numbers.metric_count(metrics, 'test_patients')} test patients"
    return (
        ("Dice of the U-Net", numbers.metric(metrics, "dice_patient_mean"), size),
        ("Baseline", numbers.metric(metrics, "baseline_dice_patient_mean"), "without learning"),
        (
            "Empty masks",
            numbers.metric(metrics, "empty_dice_patient_mean"),
            "what a model must beat",
        ),
    )
