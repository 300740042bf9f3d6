"""What a mean hides: who is missed at the operating point, and how subgroups fare."""

import pandas as pd

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Heading, Notice, Text
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.summary import classes_of
from scanvote.pipeline.report.tables import frame_table


def missed_patients(facts: ReportData) -> str:
    """The operating point of two classes in plain words; empty where there are not two."""
    found = facts.figures("evaluate", "classification")
    if "vote_operating_threshold" not in found:
        return ""
    positive = terms.words(facts.params.evaluate.positive or classes_of(facts)[-1])
    least = facts.params.evaluate.min_sensitivity
    told = (
        f"A scan is called {positive} from a probability of"
        f" {numbers.of(found, 'vote_operating_threshold')} on, the highest at which at least"
        f" {100 * least:g} % of the {positive} scans of validation are found. On the test scans"
        f" this misses {numbers.counted(found, 'vote_operating_missed')} scans that are {positive},"
        f" and raises {numbers.counted(found, 'vote_operating_false_alarms')} false alarms:"
        f" sensitivity {numbers.of(found, 'vote_operating_sensitivity')}, specificity"
        f" {numbers.of(found, 'vote_operating_specificity')}."
    )
    return told + _missed_groups(found, positive)


def _missed_groups(found: Metrics, positive: str) -> str:
    """In patients, or groups of scans that stand for one."""
    if "vote_operating_missed_groups" not in found:
        return ""
    return (
        f" In patients, or groups of scans where these are unknown: of"
        f" {numbers.counted(found, 'vote_operating_positive_groups')} with {positive}"
        f" {numbers.counted(found, 'vote_operating_missed_groups')} are missed, and of"
        f" {numbers.counted(found, 'vote_operating_negative_groups')} without"
        f" {numbers.counted(found, 'vote_operating_false_alarm_groups')} are alarmed."
    )


def operating(facts: ReportData) -> list[Block]:
    """A part of its own, where there are two classes."""
    told = missed_patients(facts)
    return [Heading("The operating point, and who is missed"), Notice(told)] if told else []


def subgroups(facts: ReportData) -> list[Block]:
    """The vote within parts of the test scans."""
    table = facts.table("metrics/evaluate/classification/subgroups.csv")
    blocks: list[Block] = [Heading("Subgroups")]
    if table.empty:
        return [*blocks, Text(f"Subgroups are {numbers.NOT_REPORTED}: the data tell of none.")]
    caption = "The vote within parts of the test scans, with their counts."
    return [*blocks, *subgroup_table(table, caption)]


def subgroup_table(table: pd.DataFrame, caption: str, over: str = "groups") -> list[Block]:
    """Without its column `few`, which the missing intervals tell as well."""
    note = (
        "Looked at, not tested: of so many some differ by chance. Where there are few groups no"
        " interval could be given."
    )
    shown = table.drop(columns="few", errors="ignore")
    shown = shown.rename(columns={"column": "by"})
    return frame_table(shown, caption, note=note, over=over)
