"""The section on the classification results, each metric with its interval."""

import pandas as pd

from scanvote.metrics.bootstrap import too_few
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Collapsible, Heading, Section, Table, Text
from scanvote.pipeline.report.details import operating, subgroups
from scanvote.pipeline.report.patients import claim_block
from scanvote.pipeline.report.pictures import others, picture, side_by_side
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.search import voters
from scanvote.pipeline.report.summary import classes_of, task_answer
from scanvote.pipeline.report.tables import frame_table, interval_note

FOLDER = "metrics/evaluate/classification"
FLAT = "metrics/evaluate/classification.csv"
METRICS = (
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
_MAIN_COLUMNS = (
    "model",
    "accuracy",
    "macro_f1",
    "positive_classes_macro_f1",
    "mcc",
    "auroc",
    "ece",
)
_CLASS_METRICS = ("sensitivity", "specificity", "precision", "auroc", "average_precision")
_CAPTIONS = {
    "confusion": (
        "Confusion matrix of the vote; its counts are in a table of this section",
        "Confusion matrix of the vote.",
    ),
    "roc": (
        "ROC curves of the vote, each class against the rest; the areas are in the table of the"
        " classes",
        "ROC curve of each class against the rest.",
    ),
    "precision_recall": (
        "Precision against sensitivity of the vote, for each class; the average precisions are"
        " in the table of the classes",
        "Precision-recall curve of each class.",
    ),
    "comparisons": (
        "Differences between the vote and its best member and the others, with intervals; they are"
        " in the table of comparisons",
        "Difference between the vote and each model that it is compared with.",
    ),
    "agreement": (
        "Cohen's kappa of every pair of truth, vote and members on the test scans",
        "Agreement of truth, vote and members, as Cohen's kappa.",
    ),
    "reliability": (
        "Reliability diagram: share of right votes by the probability that the vote gave",
        "Reliability diagram: calibrated probabilities lie on the diagonal.",
    ),
}
_TESTS = {"mcnemar_p": "exact McNemar of the accuracy", "delong_p": "DeLong of the AUROC"}
_DRAWN = ("confusion", "agreement", "roc", "precision_recall")
GALLERIES = ("errors", "disagreeing", "right")


def results_classes(report: ReportData) -> Section:
    """Describe the vote, comparisons, classes, calibration, operating point and subgroups."""
    metrics = report.metrics_of("evaluate", "classification")
    blocks: list[Block] = (
        [
            Text(task_answer(report, "classification")),
            claim_block(report, "classification"),
            *_vote_and_best(report, metrics),
            *_models(report),
            *_comparisons(report),
            Heading("Each class"),
            *_classes(report, metrics),
            *_confusion(report),
            *_figures(report, *_DRAWN, *(["comparisons"] if _has_intervals(report) else [])),
            *_calibration(report, metrics),
            *operating(report),
            *subgroups(report),
            *side_by_side(others(report, FOLDER, (*_CAPTIONS, *GALLERIES))),
        ]
        if metrics
        else [Text(f"The results of the classification are {numbers.NOT_REPORTED}.")]
    )
    return Section("classification", "Results: classification", tuple(blocks))


def _vote_and_best(report: ReportData, metrics: Metrics) -> list[Block]:
    """Return a table of vote, best member and difference by metric."""
    shown = [one for one in METRICS if f"vote_{one}" in metrics]
    tested = any(f"difference_{one}" in metrics for one in shown)
    rows = tuple(
        (
            terms.metric(one),
            numbers.metric(metrics, f"vote_{one}"),
            numbers.metric(metrics, f"best_{one}"),
            *([_difference(metrics, one)] if tested else []),
        )
        for one in shown
    )
    groups = metrics.get("test_groups")
    tests = [
        f"{words} {numbers.p_words(metrics, key)}"
        for key, words in _TESTS.items()
        if metrics.get(key) is not None and not too_few(int(groups or 0))
    ]
    p_values = f"Tests of the difference: {'; '.join(tests)}." if tests else ""
    note = (
        f"{interval_note(rows, count=groups)} There are"
        f" {numbers.metric_count(metrics, 'test_groups')} groups of related scans. A lower Brier"
        " score and calibration error is better; a sample overstates the calibration error, so an"
        " interval of it is shifted down. "
    ) + _positive_note(report, metrics)
    note += p_values
    head = ("metric", "vote", "best member", *(["vote minus best member"] if tested else []))
    best = f", {voters(report)[0]}" if voters(report) else ""
    caption = f"The vote and the member that was best on validation{best}, on the same test scans."
    return [Table(caption, head, rows, note.strip(), FLAT)]


def _positive_note(report: ReportData, metrics: Metrics) -> str:
    """Explain the metrics of the classes with the finding; empty without them."""
    if "vote_positive_classes_macro_f1" not in metrics:
        return ""
    negative = report.vote.negative if report.vote else None
    others = [one for one in classes_of(report) if one != negative]
    return (
        f"Classes with the finding: {terms.listed(others)}. Their metrics count only the test"
        f" scans of these classes, and a prediction of {terms.words(str(negative))} is an error. "
    )


def _difference(metrics: Metrics, name: str) -> str:
    key = f"difference_{name}"
    return numbers.metric(metrics, key) if key in metrics else "–"


def _models(report: ReportData) -> list[Block]:
    source = f"{FOLDER}/members.csv"
    caption = "Every rule of the vote, its members, and the best model of each family."
    note = "The chosen rule is the row of the vote."
    naming = {"model": terms.model}
    return frame_table(report.table(source), caption, naming, _MAIN_COLUMNS, note, source=source)


def _comparisons(report: ReportData) -> list[Block]:
    source = f"{FOLDER}/comparisons.csv"
    table = report.table(source)
    if table.empty:
        return []
    table = table.rename(columns={"low": "difference_low", "high": "difference_high"})
    of_vote = table["model"] == "vote"
    # tests without a p are those of too few groups
    table = table.drop(columns=["test", "p", "p_holm"]) if table["p"].isna().all() else table
    naming = {
        "model": terms.model,
        "against": terms.model,
        "metric": terms.metric,
        "test": terms.test,
    }
    note = "The differences are paired."
    if "p" in table:
        note += (
            " The tests treat the scans as independent, which makes p too small; p after Holm is"
            " corrected for all tests of its kind."
        )
    caption = "The vote compared with the other models."
    rest = frame_table(
        table[~of_vote],
        "The other models compared with the majority class.",
        naming,
        source=source,
    )
    return [
        *frame_table(
            table[of_vote].drop(columns="model"), caption, naming, note=note, source=source
        ),
        *(
            [Collapsible("The other models against the majority class", tuple(rest))]
            if rest
            else []
        ),
    ]


def _classes(report: ReportData, metrics: Metrics) -> list[Block]:
    """Return the table of the classes; if it is missing, from the flat metrics."""
    source = f"{FOLDER}/classes.csv"
    table = report.table(source)
    naming = {"class": terms.words, "label": terms.words}
    if not table.empty:
        caption = "The vote for each class, against the rest."
        return frame_table(table, caption, naming, source=source)
    shown = [
        one
        for one in _CLASS_METRICS
        if any(f"vote_{one}_{c}" in metrics for c in classes_of(report))
    ]
    rows = tuple(
        (terms.words(label), *(numbers.metric(metrics, f"vote_{one}_{label}") for one in shown))
        for label in classes_of(report)
    )
    head = ("class", *(terms.metric(one) for one in shown))
    caption = "The vote for each class, against the rest."
    return [Table(caption, head, rows, interval_note(rows), FLAT)] if shown else []


def _confusion(report: ReportData) -> list[Block]:
    """Return the confusion matrix as a table, an alternative to the figure."""
    source = f"{FOLDER}/confusion.csv"
    table = report.table(source)
    if table.empty:
        return []
    labels = sorted({*table["actual"].astype(str), *table["predicted"].astype(str)})
    counts = pd.crosstab(table["actual"].astype(str), table["predicted"].astype(str))
    counts = counts.reindex(index=labels, columns=labels, fill_value=0)
    rows = tuple(
        (terms.words(label), *(numbers.count(one) for one in counts.loc[label])) for label in labels
    )
    head = ("truth \\ vote", *(terms.words(label) for label in labels))
    caption = "Test scans by their true class (rows) and by the vote (columns)."
    return [Table(caption, head, rows, source=source)]


def _has_intervals(report: ReportData) -> bool:
    """Return True if the figure of the comparisons, which draws intervals, is not empty."""
    table = report.table(f"{FOLDER}/comparisons.csv")
    return "low" in table and bool(table["low"].notna().any())


def _figures(report: ReportData, *shown: str) -> list[Block]:
    return side_by_side(
        one for name in shown for one in picture(report, f"{FOLDER}/{name}.png", *_CAPTIONS[name])
    )


def _calibration(report: ReportData, metrics: Metrics) -> list[Block]:
    blocks: list[Block] = [Heading("Calibration")]
    if "vote_ece" not in metrics:
        return [*blocks, Text(f"Calibration: {numbers.NOT_REPORTED}.")]
    fitted = report.params.ensemble.calibrate
    calibration = (
        "The probabilities are calibrated with a temperature fitted on validation."
        if fitted
        else "The probabilities are not calibrated."
    )
    words = (
        f"The expected calibration error of the vote is {numbers.metric(metrics, 'vote_ece')}, its"
        f" Brier score {numbers.metric(metrics, 'vote_brier')} (0 is perfect). {calibration}"
    )
    return [*blocks, Text(words), *_figures(report, "reliability")]
