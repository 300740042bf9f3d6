"""The first section: the question, the answer, and what it may claim about patients."""

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Notice, Section, StatCards, Text
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.patients import all_disjoint, claim_block, patients_of
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.split import leaked
from scanvote.pipeline.report.tables import brackets


def answer(facts: ReportData) -> Section:
    """What was asked, what came out, and beside what it stands."""
    blocks: list[Block] = [Text(question(facts))]
    if any(leaked(facts).values()):
        blocks.append(
            Notice("Training and test scans share patients or copies: see the leak audit.")
        )
    classes, masks = (facts.figures("evaluate", t) for t in ("classification", "segmentation"))
    if classes:
        blocks += [StatCards(_class_tiles(classes)), claim_block(facts, "classification")]
        blocks.append(Text(class_answer(facts)))
    if masks:
        blocks += [StatCards(_mask_tiles(masks)), claim_block(facts, "segmentation")]
        blocks.append(Text(mask_answer(facts)))
    if classes or masks:
        blocks.append(Text(brackets("groups of scans, or patients")))
    else:
        blocks.append(Text("No model was evaluated: the results are " + NOT_REPORTED + "."))
    return Section("answer", "The question and the answer", tuple(blocks))


def question(facts: ReportData) -> str:
    """In one sentence, with the classes and the data sets."""
    asked = []
    if "classification" in facts.known:
        asked.append(
            f"tell {terms.listed(classes_of(facts))} apart (data: {_sets(facts, 'classification')})"
        )
    if "segmentation" in facts.known:
        asked.append(f"outline the lesion (data: {_sets(facts, 'segmentation')})")
    if not asked:
        return f"The question is {NOT_REPORTED}: no data were brought."
    return (
        f"On scans that were used neither in training nor in choosing a model, {whose(facts)}: how"
        f" well can networks {', and '.join(asked)}?"
    )


def whose(facts: ReportData) -> str:
    """Of whom the test scans are, as far as the split holds."""
    if any(leaked(facts).values()):
        return "though others that they share a patient or a copy with were"
    known = "" if all_disjoint(facts) else " known to be"
    return f"nor was any other{known} of the same patient, series or look-alike"


def _sets(facts: ReportData, task: str) -> str:
    return ", ".join(sorted(set(facts.known[task].scans["source"])))  # type: ignore[index]


def classes_of(facts: ReportData) -> list[str]:
    """The classes of the classification, in alphabetical order."""
    if "classification" not in facts.known:
        return []
    return sorted(set(facts.known["classification"].scans["label"]) - {""})


def class_answer(facts: ReportData) -> str:
    """Two sentences: what the vote reaches, and what stands beside it."""
    found = facts.figures("evaluate", "classification")
    return (
        f"On {numbers.counted(found, 'test_scans')} test scans of"
        f" {numbers.counted(found, 'test_groups')} groups the"
        f" {terms.rule(facts.params.ensemble.rule)} of {facts.params.ensemble.top} networks has an"
        f" accuracy of {numbers.of(found, 'vote_accuracy')}, a macro F1 of"
        f" {numbers.of(found, 'vote_macro_f1')} and an AUROC of {numbers.of(found, 'vote_auroc')}"
        f"{_finding(facts, found)}."
        f" {beside(found)}, and who always names the most frequent class is right in"
        f" {numbers.of(found, 'majority_class_accuracy')}."
    )


def _finding(facts: ReportData, found: Metrics) -> str:
    """The macro F1 of the classes with the finding, where they are evaluated alone."""
    if "vote_positive_classes_macro_f1" not in found:
        return ""
    negative = terms.words(str(facts.params.evaluate.negative))
    return (
        f", and over the classes other than {negative} alone a macro F1 of"
        f" {numbers.of(found, 'vote_positive_classes_macro_f1')}"
    )


def beside(found: Metrics) -> str:
    """How the vote stands to its best member, decided by the interval of their difference."""
    best = f"Its best member, chosen on validation, reaches {numbers.of(found, 'best_accuracy')}"
    if "difference_accuracy" not in found:
        return f"{best} by itself; the difference was not tested"
    return (
        f"{best} by itself: the vote is {verdict(found, 'difference_accuracy')} (difference"
        f" {numbers.of(found, 'difference_accuracy')}, exact McNemar"
        f" {numbers.p_words(found, 'mcnemar_p')})"
    )


def verdict(found: Metrics, key: str) -> str:
    """Whether the interval of a difference leaves out zero, in words."""
    low, high = found.get(f"{key}_low"), found.get(f"{key}_high")
    if low is not None and low > 0:
        return "better"
    if high is not None and high < 0:
        return "worse"
    return "neither shown to be better nor worse"


def mask_answer(facts: ReportData) -> str:
    """Two sentences: what the U-Net reaches, and what stands beside it."""
    found = facts.figures("evaluate", "segmentation")
    return (
        f"On {numbers.counted(found, 'test_patients')} test patients"
        f" ({numbers.counted(found, 'test_slices')} slices{_alone(facts)}) the masks"
        f" of the U-Net reach a Dice of {numbers.of(found, 'dice_patient_mean')} in the mean,"
        " all slices of a patient counted together. The baseline without learning has"
        f" {numbers.of(found, 'baseline_dice_patient_mean')}: the U-Net is"
        f" {verdict(found, 'difference_dice_patient_mean')} (difference"
        f" {numbers.of(found, 'difference_dice_patient_mean')}), and masks that are always empty"
        f" have {numbers.of(found, 'empty_dice_patient_mean')}: 1 for a patient without a tumour,"
        " 0 for one with."
    )


def _alone(facts: ReportData) -> str:
    """What a slice is counted as whose patient is unknown."""
    found = patients_of(facts, "segmentation")
    known = found is None or found.known["test"] == found.scans["test"]
    return "" if known else "; one of an unknown patient counts as a patient"


def _class_tiles(found: Metrics) -> tuple[tuple[str, str, str], ...]:
    told = f"{numbers.counted(found, 'test_scans')} test scans"
    return (
        ("Accuracy of the vote", numbers.of(found, "vote_accuracy"), told),
        ("Macro F1", numbers.of(found, "vote_macro_f1"), "every class weighs the same"),
        ("AUROC", numbers.of(found, "vote_auroc"), "mean of each class against the rest"),
    )


def _mask_tiles(found: Metrics) -> tuple[tuple[str, str, str], ...]:
    told = f"{numbers.counted(found, 'test_patients')} test patients, mean"
    return (
        ("Dice of the U-Net", numbers.of(found, "dice_patient_mean"), told),
        ("Baseline", numbers.of(found, "baseline_dice_patient_mean"), "without learning"),
        ("Empty masks", numbers.of(found, "empty_dice_patient_mean"), "what must be beaten"),
    )
