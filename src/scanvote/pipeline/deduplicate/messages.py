"""Lines of the stage: what ties people, and how to overrule it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.pipeline.deduplicate.clusters import Cluster
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.naming import naming_sets

SHOWN = 5
"""Maximum of clusters that have a message of their own."""


def conflict_lines(
    frame: pd.DataFrame, contradicting: Sequence[Cluster], patients: Path, overrides: Path
) -> Iterator[str]:
    """Yield a message for each of the first clusters of copies that have two patients.

    Their groups keep all scans of both patients together.
    """
    for one in contradicting[:SHOWN]:
        scans = frame.iloc[[one.representative, *one.copies]]
        scans = scans[scans["patient"] != ""].drop_duplicates("patient")
        claims = ", ".join(
            f"{scan} is of {patient}"
            for scan, patient in zip(scans["scan_id"], scans["patient"], strict=True)
        )
        yield (
            f"patient conflict, one picture under two patients: {claims}; if they are one person,"
            f" give all scans of both one name in {patients}; if the picture is of one of them,"
            f" drop the other scan in {overrides}, and if it is of both, keep it; until then the"
            " scans of both stay together"
        )
    if len(contradicting) > SHOWN:
        yield f"{len(contradicting) - SHOWN:,} more patient conflicts, in duplicates.csv"


def look_alike_lines(
    frame: pd.DataFrame, pairs: Pairs, patients: Path, overrides: Path
) -> Iterator[str]:
    """Yield a message about look-alike scans of two known patients."""
    if len(pairs[0]):
        one, other = (frame.iloc[int(rows[0])] for rows in pairs)
        yield (
            f"{len(pairs[0]):,} pairs of scans look like copies but are of two known patients, as"
            f" {one['scan_id']} of {one['patient']} and {other['scan_id']} of {other['patient']}:"
            f" they tie nobody. They are in duplicates.csv as 'two patients'; if two names are"
            f" one person, write one name in {patients}; if two scans are one image, merge them"
            f" in {overrides}"
        )


def blank_lines(frame: pd.DataFrame, found: NDArray[np.bool_], overrides: Path) -> Iterator[str]:
    """Yield a message about pictures that are found (n,) to tell nothing of a person."""
    blank = frame["scan_id"][found]
    if len(blank):
        yield (
            f"{len(blank):,} scans are blank, or show a picture that many patients share, as"
            f" {blank.iloc[0]}: they tie nobody and are no copies; to leave one out, drop it in"
            f" {overrides}"
        )


def related_lines(frame: pd.DataFrame, patients: Path) -> Iterator[str]:
    """Yield a message about known patients tied by look-alikes of unknown ones."""
    tied = tied_patients(frame)
    if len(tied):
        names = tied.iloc[0]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
        yield (
            f"scans of unknown patients look like scans of several known ones, in {len(tied):,}"
            f" groups that stay together, as {shown}; to part them name the patients of the"
            f" column relatives in {patients}"
        )


def tied_patients(frame: pd.DataFrame) -> "pd.Series[list[str]]":
    """Return the patients of relatives, where one set has several."""
    known = frame[(frame["relatives"] != "") & (frame["patient"] != "")]
    known = known.assign(naming=pd.Series(naming_sets(frame), frame.index)[known.index])
    several = known.groupby(["relatives", "naming"])["patient"].nunique()
    groups = several.index.get_level_values("relatives")[several > 1].unique()
    return pd.Series(
        [sorted(set(known["patient"][known["relatives"] == one])) for one in groups], dtype=object
    )
