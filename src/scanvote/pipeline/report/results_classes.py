"""The section on the results of the classification, each with its interval."""

import pandas as pd

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Collapsible, Heading, Section, Table, Text
from scanvote.pipeline.report.details import operating, subgroups
from scanvote.pipeline.report.patients import claim_block
from scanvote.pipeline.report.pictures import others, picture, side_by_side
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.summary import class_answer, classes_of
from scanvote.pipeline.report.tables import brackets, frame_table

FOLDER = "metrics/evaluate/classification"
FIGURES = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "positive_classes_accuracy",
    "positive_classes_balanced_accuracy",
    "positive_classes_macro_f1",
    "mcc",
    "auroc",
    "average_precision",
    "brier",
    "ece",
)
_CHIEF = ("model", "accuracy", "macro_f1", "positive_classes_macro_f1", "mcc", "auroc", "ece")
_OF_A_CLASS = ("sensitivity", "specificity", "precision", "auroc", "average_precision")
_DRAWN = {
    "confusion": (
        "Confusion matrix of the vote; its counts stand in a table of this section",
        "The votes by the true class.",
    ),
    "roc": (
        "ROC curves of the vote, each class against the rest; the areas stand in the table of the"
        " classes",
        "ROC of each class against the rest.",
    ),
    "precision_recall": (
        "Precision against sensitivity of the vote, for each class; the average precisions stand"
        " in the table of the classes",
        "Precision and recall of each class.",
    ),
    "comparisons": (
        "Differences of the vote to its best member and the others, with intervals; they stand in"
        " the table of comparisons",
        "The vote less each model it is compared with.",
    ),
    "agreement": (
        "Cohen's kappa of the truth, the vote and its members, each two on the test scans",
        "How far the members agree.",
    ),
    "reliability": (
        "Reliability diagram: share of right votes by the probability that the vote gave",
        "What the probabilities are worth: on the diagonal they say what happens.",
    ),
}
_TESTS = {"mcnemar_p": "exact McNemar of the accuracy", "delong_p": "DeLong of the AUROC"}
GALLERIES = ("errors", "disagreeing", "right")


def results_classes(facts: ReportData) -> Section:
    """The vote and what stands beside it, classes, calibration, subgroups, operating point."""
    found = facts.figures("evaluate", "classification")
    blocks: list[Block] = (
        [
            Text(class_answer(facts)),
            claim_block(facts, "classification"),
            *_beside(facts, found),
            *_models(facts),
            *_comparisons(facts),
            Heading("Each class"),
            *_classes(facts, found),
            *_confusion(facts),
            *_figures(facts, "confusion", "agreement", "roc", "precision_recall", "comparisons"),
            *_calibration(facts, found),
            *operating(facts),
            *subgroups(facts),
            *side_by_side(others(facts, FOLDER, (*_DRAWN, *GALLERIES))),
        ]
        if found
        else [Text(f"The results of the classification are {numbers.NOT_REPORTED}.")]
    )
    return Section("classification", "Results: classification", tuple(blocks))


def _beside(facts: ReportData, found: Metrics) -> list[Block]:
    """A figure a row: the vote, its best member, their difference."""
    shown = [one for one in FIGURES if f"vote_{one}" in found]
    tested = any(f"difference_{one}" in found for one in shown)
    rows = tuple(
        (
            terms.figure(one),
            numbers.of(found, f"vote_{one}"),
            numbers.of(found, f"best_{one}"),
            *([_difference(found, one)] if tested else []),
        )
        for one in shown
    )
    groups = numbers.counted(found, "test_groups")
    tests = [
        f"{words} {numbers.p_words(found, key)}" for key, words in _TESTS.items() if key in found
    ]
    told = f"Of the difference: {'; '.join(tests)}." if tests else ""
    note = (
        f"{brackets()} There are {groups} groups of scans that belong together. Of Brier"
        " score and calibration error less is better; a sample overstates the calibration error,"
        " so that its interval reaches down. "
    ) + _positive_note(facts, found)
    note += told
    head = ("figure", "vote", "best member", *(["vote less best member"] if tested else []))
    caption = "The vote beside the member that was best on validation, on the same test scans."
    return [Table(caption, head, rows, note.strip())]


def _positive_note(facts: ReportData, found: Metrics) -> str:
    """What the rows of the classes with the finding are of; empty where there are none."""
    if "vote_positive_classes_macro_f1" not in found:
        return ""
    negative = facts.params.evaluate.negative
    others = [one for one in classes_of(facts) if one != negative]
    return (
        f"Classes with the finding: {terms.listed(others)}. Only test scans of these count there,"
        f" and one that is called {terms.words(str(negative))} is missed. "
    )


def _difference(found: Metrics, name: str) -> str:
    key = f"difference_{name}"
    return numbers.of(found, key) if key in found else "–"


def _models(facts: ReportData) -> list[Block]:
    table = facts.table(f"{FOLDER}/members.csv")
    caption = "Every rule of the vote, its members, and the best model of each family."
    note = "The chosen rule is the row of the vote."
    return frame_table(table, caption, {"model": terms.model}, _CHIEF, note)


def _comparisons(facts: ReportData) -> list[Block]:
    table = facts.table(f"{FOLDER}/comparisons.csv")
    if table.empty:
        return []
    table = table.rename(columns={"low": "difference_low", "high": "difference_high"})
    of_vote = table["model"] == "vote"
    naming = {
        "model": terms.model,
        "against": terms.model,
        "metric": terms.figure,
        "test": terms.test,
    }
    note = (
        "The differences are paired. The tests take the scans as independent, which flatters; p"
        " after Holm is corrected for all tests of its kind."
    )
    asked = "Is the vote better than the others?"
    rest = frame_table(table[~of_vote], "The other models, compared.", naming)
    return [
        *frame_table(table[of_vote].drop(columns="model"), asked, naming, note=note),
        *(
            [Collapsible("The other models against the majority class", tuple(rest))]
            if rest
            else []
        ),
    ]


def _classes(facts: ReportData, found: Metrics) -> list[Block]:
    """From the table of the classes where it is there, else from the flat metrics."""
    table = facts.table(f"{FOLDER}/classes.csv")
    naming = {"class": terms.words, "label": terms.words}
    if not table.empty:
        return frame_table(table, "The vote on each class, against the rest.", naming)
    shown = [
        one for one in _OF_A_CLASS if any(f"vote_{one}_{c}" in found for c in classes_of(facts))
    ]
    rows = tuple(
        (terms.words(label), *(numbers.of(found, f"vote_{one}_{label}") for one in shown))
        for label in classes_of(facts)
    )
    head = ("class", *(terms.figure(one) for one in shown))
    caption = "The vote on each class, against the rest."
    return [Table(caption, head, rows, brackets())] if shown else []


def _confusion(facts: ReportData) -> list[Block]:
    """The matrix in numbers, for who does not see the figure."""
    table = facts.table(f"{FOLDER}/confusion.csv")
    if table.empty:
        return []
    labels = sorted({*table["actual"].astype(str), *table["predicted"].astype(str)})
    counts = pd.crosstab(table["actual"].astype(str), table["predicted"].astype(str))
    counts = counts.reindex(index=labels, columns=labels, fill_value=0)
    rows = tuple(
        (terms.words(label), *(numbers.count(one) for one in counts.loc[label])) for label in labels
    )
    head = ("truth \\ vote", *(terms.words(label) for label in labels))
    return [Table("Test scans by their true class (rows) and by the vote (columns).", head, rows)]


def _figures(facts: ReportData, *shown: str) -> list[Block]:
    found = [one for name in shown for one in picture(facts, f"{FOLDER}/{name}.png", *_DRAWN[name])]
    return side_by_side(found)


def _calibration(facts: ReportData, found: Metrics) -> list[Block]:
    blocks: list[Block] = [Heading("Calibration")]
    if "vote_ece" not in found:
        return [*blocks, Text(f"Calibration: {numbers.NOT_REPORTED}.")]
    fitted = facts.params.ensemble.calibrate
    how = "A temperature, fitted on validation, is applied." if fitted else "None is applied."
    words = (
        f"The expected calibration error of the vote is {numbers.of(found, 'vote_ece')}, its Brier"
        f" score {numbers.of(found, 'vote_brier')} (0 is perfect). {how}"
    )
    return [*blocks, Text(words), *_figures(facts, "reliability")]
