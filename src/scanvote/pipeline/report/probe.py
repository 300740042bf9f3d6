"""A linear probe beside the vote: does something much simpler do as well?"""

import pandas as pd

from scanvote.pipeline.report import numbers
from scanvote.pipeline.report.report_data import ReportData

TABLE = "metrics/inflation/classification/table.csv"


def probe_sentence(report: ReportData) -> str:
    """Say so if a linear probe has a higher macro F1 than the vote; else empty.

    The probe is that of the stage `inflation` in cross-validation over whole groups.
    """
    table, vote = report.table(TABLE), report.vote
    if vote is None or vote.macro_f1.value is None or "macro_f1" not in table:
        return ""
    rows = table[table["protocol"] == "grouped"]
    if rows.empty or not rows["macro_f1"].iloc[0] > vote.macro_f1.value:
        return ""
    probe = rows.iloc[0]
    return (
        f"A linear probe, a logistic regression on {_inputs(report)}, has a macro F1 of"
        f" {_estimate(probe, 'macro_f1')}, more than the vote. It was tested on"
        f" {numbers.count(probe['scans'])} scans in cross-validation, the vote on its"
        f" {numbers.count(vote.scans)} test scans: the two are not compared on the same scans."
    )


def _inputs(report: ReportData) -> str:
    backbone = report.params.inflation.backbone
    return f"features of {backbone}" if backbone else "the pixels"


def _estimate(row: "pd.Series[float]", name: str) -> str:
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return numbers.estimate(value, low, high)
