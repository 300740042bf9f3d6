"""The stage `deduplicate`: which scans are copies, conflicts, or relatives of others."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scanvote.copies import Cluster, against_planted, between_series, find_clusters, judged
from scanvote.download import MANIFEST, Metrics
from scanvote.files import write_csv
from scanvote.images.duplicates import (
    Pairs,
    as_pairs,
    clusters,
    correlated,
    correlations,
    equal_pairs,
    members,
    near_pairs,
    similar_pairs,
)
from scanvote.images.hashing import Fingerprints, Thumbnails, fingerprints
from scanvote.images.montage import Pair, write_montage
from scanvote.manifest import read_manifest, write_manifest
from scanvote.params import DeduplicateParams

PLANTED = "planted.csv"
SHOWN = 24
"""Pairs in the montage: as many as a person judges in a minute."""


def deduplicate(raw: Path, params: DeduplicateParams, out: Path) -> Metrics:
    """Judge the scans of ``raw/manifest.csv``; no image is copied or deleted.

    Files with the same bytes are copies; so are those whose perceptual hashes are near
    and whose thumbnails correlate. Of a cluster of copies the one with the largest image
    is kept, the first by path among equals; none is kept if their labels differ.

    Writes to `out`: ``manifest.csv`` with kept, duplicate_of, conflict and relatives,
    ``duplicates.csv`` with every copy and what spoke for it, ``montage.png``.

    Returns:
        Counts, and on a phantom the recall and precision against what was planted.

    Raises:
        InputError: the manifest or an image is missing or damaged.
    """
    frame = read_manifest(raw / MANIFEST)
    prints = fingerprints([raw / path for path in frame["path"]])
    exact = equal_pairs(frame["sha256"].tolist())
    found = find_clusters(frame, _joined(exact, _alike(prints, params)))
    frame = judged(frame, found)
    frame["relatives"] = relatives(frame, prints.cropped, params.relatives)
    table = duplicates_table(frame, found, prints)
    write_manifest(frame, out / MANIFEST)
    write_csv(table.drop(columns=["row", "row_of"]).round(6), out / "duplicates.csv")
    _write_montage(raw, frame, table, out / "montage.png")
    return _metrics(frame, found, exact) | _planted(raw, frame, found)


def relatives(frame: pd.DataFrame, cropped: Thumbnails, least: float) -> list[str]:
    """For each scan its group: the first scan of those that chain to it, or nothing.

    Only scans of unknown patients are compared. Copies and conflicts count, as they tell
    of the patient no less than what is kept.

    Args:
        frame: the manifest, n rows.
        cropped: thumbnails of the brains, float32 of shape (n, 64, 64).
        least: correlation from which two scans are relatives.
    """
    unknown = np.flatnonzero(frame["patient"] == "")
    pairs, _ = similar_pairs(cropped[unknown], least)
    group = [""] * len(frame)
    for related in members(clusters(len(unknown), pairs)):
        first = str(frame["scan_id"].iloc[unknown[related[0]]])
        for at in related:
            group[unknown[at]] = first
    return group


def duplicates_table(
    frame: pd.DataFrame, found: list[Cluster], prints: Fingerprints
) -> pd.DataFrame:
    """One row a copy (in a conflict: every scan but the keeper), with what spoke for it."""
    rows = [
        (row, one.keeper, one.conflict)
        for one in found
        for row in sorted(one.copies + (one.neighbours if one.conflict else ()))
    ]
    pairs = as_pairs([(row, keeper) for row, keeper, _ in rows])
    one, other = frame.iloc[pairs[0]], frame.iloc[pairs[1]]
    same = one["sha256"].to_numpy() == other["sha256"].to_numpy()
    return pd.DataFrame(
        {
            "scan_id": one["scan_id"].to_numpy(),
            "duplicate_of": other["scan_id"].to_numpy(),
            "rule": np.where(same, "bytes", "perceptual"),
            "distance": np.bitwise_count(prints.hashes[pairs[0]] ^ prints.hashes[pairs[1]]),
            "correlation": correlations(prints.thumbnails, pairs),
            "conflict": np.array([conflict for _, _, conflict in rows], bool),
            "label": one["label"].to_numpy(),
            "label_of": other["label"].to_numpy(),
            "row": pairs[0],
            "row_of": pairs[1],
        }
    )


def _alike(prints: Fingerprints, params: DeduplicateParams) -> Pairs:
    shortlist = near_pairs(prints.hashes, params.shortlist)
    return correlated(prints.thumbnails, shortlist, params.correlation)[0]


def _joined(one: Pairs, other: Pairs) -> Pairs:
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])


def _write_montage(raw: Path, frame: pd.DataFrame, table: pd.DataFrame, path: Path) -> None:
    """Conflicts first, then from the least alike pair to the byte copies."""
    order = table.assign(agreed=~table["conflict"], same=table["rule"] == "bytes").sort_values(
        ["agreed", "same", "correlation", "scan_id"], kind="stable"
    )
    paths = frame["path"].tolist()
    rows: Iterable[Any] = order.head(SHOWN).itertuples()
    pairs = [
        Pair(raw / paths[one.row_of], raw / paths[one.row], _said(one), one.conflict)
        for one in rows
    ]
    shown = f"showing {len(pairs)} of {len(table)}" if len(table) else "none found"
    red = "; red: two labels, neither kept" if table["conflict"].any() else ""
    write_montage(pairs, f"Kept (left) and its copy (right){red}: {shown}", path)


def _said(one: Any) -> str:
    names = "\n".join(str(name)[-44:] for name in (one.duplicate_of, one.scan_id))
    why = one.rule if one.rule == "bytes" else f"r {one.correlation:.3f}, {one.distance} bits"
    labels = f" · {one.label_of} or {one.label}?" if one.conflict else ""
    return f"{names}\n{why}{labels}"


def _metrics(frame: pd.DataFrame, found: list[Cluster], exact: Pairs) -> Metrics:
    sizes = [1 + len(cluster.copies) for cluster in found]
    related = frame["relatives"][frame["relatives"] != ""].value_counts()
    same = members(clusters(len(frame), between_series(frame["series"].tolist(), exact)))
    return {
        "scans": len(frame),
        "kept": int(frame["kept"].sum()),
        "redundant": sum(len(one.copies) for one in found if not one.conflict),
        "byte_copies": sum(len(group) - 1 for group in same),
        "clusters": len(found),
        "largest_cluster": max(sizes, default=0),
        "conflicts": sum(one.conflict for one in found),
        "conflict_scans": int(frame["conflict"].sum()),
        "relatives_groups": len(related),
        "largest_relatives_group": int(related.max()) if len(related) else 0,
    }


def _planted(raw: Path, frame: pd.DataFrame, found: list[Cluster]) -> Metrics:
    """Nothing, but of a phantom how well its planted copies were found."""
    path = raw / PLANTED
    if not path.is_file():
        return {}
    planted = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    return against_planted(frame, found, planted)
