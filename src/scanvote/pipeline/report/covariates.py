"""What is known of the scans beyond their class, by split: institution, age, sex, grade…"""

import pandas as pd

from scanvote.datasets.base import METADATA_FIELDS
from scanvote.manifest import owners
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Table
from scanvote.pipeline.report.data_card.tables import SHOWN
from scanvote.splits.groups import SPLITS

_NO_GROUPS = ("age", "spacing")
"""Numbers: told by their median and range."""


def factor_tables(split: pd.DataFrame | None) -> list[Block]:
    """A row a value of each fact with the scans of each split; numbers as a range.

    Args:
        split: the manifest of `prepare`; None where it has not run on these scans.
    """
    if split is None:
        return []
    rows = [row for fact in METADATA_FIELDS if fact in split for row in _rows(split, fact)]
    if not rows:
        return []
    caption = "What else is known of the scans, in each split."
    note = "Scans; of age and spacing the median of the patients and their range."
    return [Table(caption, ("known", "value", *SPLITS), tuple(rows), note)]


def _rows(split: pd.DataFrame, fact: str) -> list[tuple[str, ...]]:
    parts = [split[split["split"] == one] for one in SPLITS]
    if fact in _NO_GROUPS:
        return [(terms.words(fact), "", *(_range(part, fact) for part in parts))]
    values = split[fact].where(split[fact] != "", "unknown")
    order = values.value_counts().sort_index().sort_values(ascending=False, kind="stable").index
    shown = {str(value): values == value for value in order[:SHOWN]}
    if rest := list(order[SHOWN:]):
        shown[f"{len(rest)} others"] = values.isin(rest)
    return [
        (
            terms.words(fact),
            terms.words(value),
            *(numbers.count(has[p.index].sum()) for p in parts),
        )
        for value, has in shown.items()
    ]


def _range(part: pd.DataFrame, fact: str) -> str:
    one_each = part[~owners(part).duplicated()]
    known = pd.to_numeric(one_each[fact], errors="coerce").dropna()
    if known.empty:
        return "unknown"
    return f"{known.median():g} ({known.min():g}–{known.max():g})"
