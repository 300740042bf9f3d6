"""Clusters of duplicates: representatives, copies, label conflicts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scanvote.manifest import source_labels
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.naming import across_series
from scanvote.pipeline.deduplicate.pairs import (
    component_members,
    connected_components,
    selected_pairs,
)


@dataclass(frozen=True)
class Cluster:
    """Scans that show the same image, as rows of the manifest.

    Attributes:
        representative: the scan that stands for the cluster.
        copies: scans that the representative makes redundant.
        neighbours: scans of the representative's own series, which are no copies of it.
        conflict: whether the labels differ, including those of the source, so that none of the
            scans can be trusted.
    """

    representative: int
    copies: tuple[int, ...]
    neighbours: tuple[int, ...]
    conflict: bool

    @property
    def rows(self) -> list[int]:
        """Rows of all scans in the cluster, ascending."""
        return sorted((self.representative, *self.neighbours, *self.copies))


def find_clusters(frame: pd.DataFrame, pairs: Pairs) -> list[Cluster]:
    """Return the clusters that `pairs` of rows link, ordered by first row.

    Two slices of one series are neighbours however similar they are. So such a pair is no
    evidence, and the series of the representative is kept whole.
    """
    links = selected_pairs(pairs, across_series(frame, pairs))
    groups = component_members(connected_components(len(frame), links))
    all_clusters = (_as_cluster(frame, group) for group in groups)
    return [cluster for cluster in all_clusters if cluster.copies]


def _as_cluster(frame: pd.DataFrame, group: list[int]) -> Cluster:
    part = frame.iloc[group]
    representative = min(zip(_sort_keys(part), group, strict=True))[1]
    series = frame["series"].tolist()
    neighbours = tuple(
        row
        for row in group
        if row != representative and series[row] == series[representative] != ""
    )
    copies = tuple(row for row in group if row != representative and row not in neighbours)
    labels = {*part["label"], *source_labels(part)} - {""}
    return Cluster(representative, copies, neighbours, len(labels) > 1)


def _sort_keys(part: pd.DataFrame) -> list[tuple[bool, bool, int, str]]:
    """Return sort keys; the smallest becomes the representative.

    A known patient and series go first, then the largest image, then the path. If a copy of an
    unknown patient were kept, however large, a split could part it from the patient's other
    scans.
    """
    pixels = part["width"] * part["height"]
    unknown = part["patient"] == "", part["series"] == ""
    return list(zip(*(one.tolist() for one in (*unknown, -pixels, part["path"])), strict=True))


def mislabelled(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Return whether each scan's label contradicts a known one at its source."""
    source = source_labels(frame)
    return (source != "") & (frame["label"] != "") & (source != frame["label"])


def mark_duplicates(frame: pd.DataFrame, found_clusters: list[Cluster]) -> pd.DataFrame:
    """Add the columns kept, duplicate_of and conflict to the manifest."""
    kept, conflict = [True] * len(frame), [False] * len(frame)
    duplicate_of = [""] * len(frame)
    for cluster in found_clusters:
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
