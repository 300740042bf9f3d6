"""Covariates of the scans by split: institution, age, sex, grade and others."""

import pandas as pd

from scanvote.datasets.base import METADATA_FIELDS
from scanvote.manifest import owners
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Table
from scanvote.pipeline.report.data_card.tables import SHOWN
from scanvote.splits.groups import SPLITS

_NUMERIC = ("age", "spacing")
"""Covariates shown by median and range."""


def covariate_tables(split: pd.DataFrame | None) -> list[Block]:
    """Count the scans of each covariate's values in each split.

    Numeric covariates are shown by median and range.

    Args:
        split: the manifest of `prepare`; None if it has not run on these scans.
    """
    if split is None:
        return []
    rows = [row for field in METADATA_FIELDS if field in split for row in _rows(split, field)]
    if not rows:
        return []
    caption = "Covariates of the scans in each split."
    note = "Numbers of scans; for age and spacing the median and range over the patients."
    return [Table(caption, ("covariate", "value", *SPLITS), tuple(rows), note)]


def _rows(split: pd.DataFrame, field: str) -> list[tuple[str, ...]]:
    parts = [split[split["split"] == one] for one in SPLITS]
    if field in _NUMERIC:
        return [(terms.words(field), "", *(_range(part, field) for part in parts))]
    values = split[field].where(split[field] != "", "unknown")
    order = values.value_counts().sort_index().sort_values(ascending=False, kind="stable").index
    scans_with = {str(value): values == value for value in order[:SHOWN]}
    if rest := list(order[SHOWN:]):
        scans_with[f"{len(rest)} others"] = values.isin(rest)
    return [
        (
            terms.words(field),
            terms.words(value),
            *(numbers.count(has[p.index].sum()) for p in parts),
        )
        for value, has in scans_with.items()
    ]


def _range(part: pd.DataFrame, field: str) -> str:
    one_per_patient = part[~owners(part).duplicated()]
    known = pd.to_numeric(one_per_patient[field], errors="coerce").dropna()
    if known.empty:
        return "unknown"
    return f"{known.median():g} ({known.min():g}–{known.max():g})"
