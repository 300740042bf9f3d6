"""What follows from pairs of alike scans: keepers, copies, conflicts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scanvote.manifest import source_labels
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.pairs import as_pairs, clusters, members


@dataclass(frozen=True)
class Cluster:
    """Scans, by row of the manifest, that show the same image.

    Attributes:
        keeper: the one that stands for all.
        copies: those that the keeper makes redundant.
        neighbours: those of the keeper's own series, which are no copies of it.
        conflict: whether the labels differ, those of the source among them, so that none of the
            scans can be trusted.
    """

    representative: int
    copies: tuple[int, ...]
    neighbours: tuple[int, ...]
    conflict: bool

    @property
    def rows(self) -> list[int]:
        """Rows of all its scans, rising."""
        return sorted((self.representative, *self.neighbours, *self.copies))


def find_clusters(frame: pd.DataFrame, pairs: Pairs) -> list[Cluster]:
    """The clusters that `pairs` of rows chain to, ordered by their first row.

    Two slices of one series are neighbours however alike they are, so such a pair is no
    evidence, and the series that is kept is kept whole.
    """
    between = across_series(frame["series"].tolist(), pairs)
    groups = members(clusters(len(frame), between))
    found = (_cluster(frame, group) for group in groups)
    return [cluster for cluster in found if cluster.copies]


def across_series(series: Sequence[str], pairs: Pairs) -> Pairs:
    """The pairs that are not of one known series."""
    both = zip(pairs[0].tolist(), pairs[1].tolist(), strict=True)
    return as_pairs([(i, j) for i, j in both if not series[i] or series[i] != series[j]])


def _cluster(frame: pd.DataFrame, group: list[int]) -> Cluster:
    part = frame.iloc[group]
    keeper = min(zip(_preference(part), group, strict=True))[1]
    series = frame["series"].tolist()
    near = tuple(row for row in group if row != keeper and series[row] == series[keeper] != "")
    copies = tuple(row for row in group if row != keeper and row not in near)
    claims = {*part["label"], *source_labels(part)} - {""}
    return Cluster(keeper, copies, near, len(claims) > 1)


def _preference(part: pd.DataFrame) -> list[tuple[bool, bool, int, str]]:
    """What the keeper is the least of: known patient and series, largest image, path.

    A copy without its patient, however large, could not be kept on the side of the split
    where the rest of the patient is.
    """
    pixels = part["width"] * part["height"]
    unknown = part["patient"] == "", part["series"] == ""
    return list(zip(*(one.tolist() for one in (*unknown, -pixels, part["path"])), strict=True))


def mislabelled(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Whether each scan has another label than at its source, where that is known."""
    source = source_labels(frame)
    return (source != "") & (frame["label"] != "") & (source != frame["label"])


def mark_duplicates(frame: pd.DataFrame, found: list[Cluster]) -> pd.DataFrame:
    """`frame` with the columns kept, duplicate_of and conflict."""
    kept, conflict = [True] * len(frame), [False] * len(frame)
    duplicate_of = [""] * len(frame)
    for cluster in found:
        for row in cluster.copies:
            kept[row] = False
            duplicate_of[row] = str(frame["scan_id"].iloc[cluster.representative])
        for row in cluster.rows:
            kept[row] = kept[row] and not cluster.conflict
            conflict[row] = cluster.conflict
    wrong = mislabelled(frame).to_numpy()
    return frame.assign(
        kept=np.array(kept, bool) & ~wrong,
        duplicate_of=duplicate_of,
        conflict=np.array(conflict, bool) | wrong,
    )
