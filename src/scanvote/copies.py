"""What follows from pairs of alike scans: keepers, copies, conflicts, and how well planted
copies were found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from scanvote.images.duplicates import Pairs, as_pairs, clusters, members

COPIES = ("byte_copy", "reencoded", "resized", "relabelled")
"""Kinds in the phantom's ``planted.csv`` that are copies of another scan."""


@dataclass(frozen=True)
class Cluster:
    """Scans, by row of the manifest, that show the same image.

    Attributes:
        keeper: the one that stands for all.
        copies: those that the keeper makes redundant.
        neighbours: those of the keeper's own series, which are no copies of it.
        conflict: whether the labels differ, so that none of the scans can be trusted.
    """

    keeper: int
    copies: tuple[int, ...]
    neighbours: tuple[int, ...]
    conflict: bool


def find_clusters(frame: pd.DataFrame, pairs: Pairs) -> list[Cluster]:
    """The clusters that `pairs` of rows chain to, ordered by their first row.

    Two slices of one series are neighbours however alike they are, so such a pair is no
    evidence, and the series that is kept is kept whole.
    """
    between = between_series(frame["series"].tolist(), pairs)
    groups = members(clusters(len(frame), between))
    found = (_cluster(frame, group) for group in groups)
    return [cluster for cluster in found if cluster.copies]


def between_series(series: Sequence[str], pairs: Pairs) -> Pairs:
    """The pairs that are not of one known series."""
    both = zip(pairs[0].tolist(), pairs[1].tolist(), strict=True)
    return as_pairs([(i, j) for i, j in both if not series[i] or series[i] != series[j]])


def _cluster(frame: pd.DataFrame, group: list[int]) -> Cluster:
    part = frame.iloc[group]
    keeper = min(zip(_preference(part), group, strict=True))[1]
    series = frame["series"].tolist()
    near = tuple(row for row in group if row != keeper and series[row] == series[keeper] != "")
    copies = tuple(row for row in group if row != keeper and row not in near)
    return Cluster(keeper, copies, near, part["label"].nunique() > 1)


def _preference(part: pd.DataFrame) -> list[tuple[bool, bool, int, str]]:
    """What the keeper is the least of: known patient and series, largest image, path.

    A copy without its patient, however large, could not be kept on the side of the split
    where the rest of the patient is.
    """
    pixels = part["width"] * part["height"]
    unknown = part["patient"] == "", part["series"] == ""
    return list(zip(*(one.tolist() for one in (*unknown, -pixels, part["path"])), strict=True))


def judged(frame: pd.DataFrame, found: list[Cluster]) -> pd.DataFrame:
    """`frame` with the columns kept, duplicate_of and conflict."""
    kept, conflict = [True] * len(frame), [False] * len(frame)
    duplicate_of = [""] * len(frame)
    for cluster in found:
        for row in cluster.copies:
            kept[row] = False
            duplicate_of[row] = str(frame["scan_id"].iloc[cluster.keeper])
        for row in (cluster.keeper, *cluster.neighbours, *cluster.copies):
            kept[row] = kept[row] and not cluster.conflict
            conflict[row] = cluster.conflict
    return frame.assign(kept=kept, duplicate_of=duplicate_of, conflict=conflict)


def against_planted(
    frame: pd.DataFrame, found: list[Cluster], planted: pd.DataFrame
) -> dict[str, int | float]:
    """Recall of the planted copies, overall and a kind, and precision of what was found.

    Args:
        frame: the manifest.
        found: its clusters.
        planted: columns path, kind, original.
    """
    row = {path: at for at, path in enumerate(frame["path"])}
    truth = planted[planted["kind"].isin(COPIES) & planted["path"].isin(row)]
    together = {at: cluster for cluster in found for at in (cluster.keeper, *cluster.copies)}
    hits = pd.Series(
        [
            (cluster := together.get(row[path])) is not None
            and together.get(row.get(original, -1)) is cluster
            for path, original in zip(truth["path"], truth["original"], strict=True)
        ],
        index=truth.index,
        dtype=bool,
    )
    recall = {"recall": _share(hits), "precision": _precision(frame, found, truth, row)}
    planted_kinds = (kind for kind in COPIES if kind in set(truth["kind"]))
    kinds = {f"recall_{kind}": _share(hits[truth["kind"] == kind]) for kind in planted_kinds}
    return recall | kinds


def _precision(
    frame: pd.DataFrame, found: list[Cluster], truth: pd.DataFrame, row: dict[str, int]
) -> float:
    both = zip(truth["path"], truth["original"], strict=True)
    planted = [(row[path], row[original]) for path, original in both if original in row]
    same = clusters(len(frame), as_pairs(planted))
    right = [same[copy] == same[one.keeper] for one in found for copy in one.copies]
    return _share(pd.Series(right, dtype=bool))


def _share(hits: "pd.Series[bool]") -> float:
    """Share that is true; 1 of nothing, as nothing was missed."""
    return float(hits.mean()) if len(hits) else 1.0
