"""The operating point and the subgroups, which averages hide."""

from scanvote.params import Task
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Heading, Notice, Text
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.tables import frame_table


def missed_patients(report: ReportData) -> str:
    """Describe the operating point of two classes; empty for any other number."""
    metrics = report.metrics_of("evaluate", "classification")
    positive = positive_of(report)
    if "vote_operating_threshold" not in metrics or not positive:
        return ""
    min_sensitivity = report.params.evaluate.min_sensitivity
    words = (
        f"The class not to be missed is {positive}. A scan is called {positive} if its probability"
        f" of {positive} is at least"
        f" {numbers.metric(metrics, 'vote_operating_threshold')}, the highest threshold at which at"
        f" least {100 * min_sensitivity:g} % of the {positive} scans of validation are found. On"
        f" the test scans this misses {numbers.metric_count(metrics, 'vote_operating_missed')}"
        f" scans that are {positive}, and raises"
        f" {numbers.metric_count(metrics, 'vote_operating_false_alarms')} false alarms:"
        f" sensitivity for {positive}"
        f" {numbers.metric(metrics, 'vote_operating_sensitivity')}, specificity"
        f" {numbers.metric(metrics, 'vote_operating_specificity')}."
    )
    return words + _missed_groups(metrics, positive)


def positive_of(report: ReportData) -> str:
    """Return the class not to be missed, in words; empty unless there are two classes."""
    positive = report.vote.positive if report.vote else None
    return terms.words(positive) if positive else ""


def _missed_groups(metrics: Metrics, positive: str) -> str:
    """Count the missed patients, or groups of scans if patients are unknown."""
    if "vote_operating_missed_groups" not in metrics:
        return ""
    return (
        f" In patients, or groups of scans if patients are unknown: of"
        f" {numbers.metric_count(metrics, 'vote_operating_positive_groups')} with {positive}"
        f" {numbers.metric_count(metrics, 'vote_operating_missed_groups')} are missed, and of"
        f" {numbers.metric_count(metrics, 'vote_operating_negative_groups')} without it"
        f" {numbers.metric_count(metrics, 'vote_operating_false_alarm_groups')} raise a false"
        " alarm."
    )


def operating(report: ReportData) -> list[Block]:
    """Describe the operating point under its own heading, if there is one."""
    words = missed_patients(report)
    heading = f"The operating point: scans called {positive_of(report)}, and those missed"
    return [Heading(heading), Notice(words)] if words else []


def subgroups(report: ReportData) -> list[Block]:
    """Return the table of the vote in subgroups of the test scans."""
    table = report.table("metrics/evaluate/classification/subgroups.csv")
    blocks: list[Block] = [Heading("Subgroups")]
    if table.empty:
        return [
            *blocks,
            Text(f"Subgroups are {numbers.NOT_REPORTED}: the data hold no covariates."),
        ]
    caption = "The vote in subgroups of the test scans, with their counts."
    return [*blocks, *subgroup_table(report, "classification", caption)]


def subgroup_table(
    report: ReportData, task: Task, caption: str, over: str = "groups"
) -> list[Block]:
    """Turn the subgroup table of a task into a report table, without its column `few`."""
    source = f"metrics/evaluate/{task}/subgroups.csv"
    table = report.table(source)
    note = (
        "The subgroups are not tested: among so many, some differ by chance. A subgroup with too"
        f" few {over} has no interval."
    )
    # a missing interval already shows that there are few
    shown = table.drop(columns="few", errors="ignore")
    shown = shown.rename(columns={"column": "by"})
    return frame_table(shown, caption, note=note, over=over, source=source)
