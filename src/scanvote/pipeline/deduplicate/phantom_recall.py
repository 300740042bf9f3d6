"""Recall and precision of the copies planted in a phantom data set."""

from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.datasets.phantom.truth import PLANTED, TRUTH, read_planted
from scanvote.pipeline.deduplicate.blank import Rows
from scanvote.pipeline.deduplicate.clusters import Cluster
from scanvote.pipeline.deduplicate.naming import comparable, of_two_patients
from scanvote.pipeline.deduplicate.pairs import as_pairs, connected_components
from scanvote.splits.groups import group_scans

COPIES = ("byte_copy", "reencoded", "resized", "relabelled", "brighter", "rotated", "cropped")
"""Kinds in ``planted.csv`` that are copies of another scan."""


def planted_copies(raw: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the planted copies with both scans in the manifest.

    Args:
        raw: folder of the task, with one folder per data set.
        frame: the manifest, before copies inherit a patient.

    Returns:
        Columns kind; row and original, rows of the manifest; and expected, whether the rule
        has to find the copy. Between scans of known patients only equal bytes have to be found.
    """
    row = {path: at for at, path in enumerate(frame["path"])}
    folders = sorted(path.parent for path in raw.glob(f"*/{PLANTED}"))
    candidates = [
        (planted.kind, f"{folder.name}/{planted.path}", f"{folder.name}/{planted.original}")
        for folder in folders
        if (folder / TRUTH).is_file()  # else the name is a coincidence
        for planted in read_planted(folder)
    ]
    copies = [
        (kind, row[path], row[original])
        for kind, path, original in candidates
        if kind in COPIES and path in row and original in row
    ]
    planted = pd.DataFrame(copies, columns=["kind", "row", "original"])
    pairs = planted["row"].to_numpy(np.int64), planted["original"].to_numpy(np.int64)
    digests = frame["sha256"].to_numpy(object)
    equal = digests[pairs[0]] == digests[pairs[1]]
    told_apart = ~comparable(frame, pairs) | of_two_patients(frame, pairs)
    return planted.assign(expected=equal | ~told_apart)


def duplicate_recall(
    frame: pd.DataFrame, found_clusters: list[Cluster], planted: pd.DataFrame
) -> dict[str, int | float]:
    """Return recall of the planted copies, overall and by kind, and precision.

    ``recall_same_side`` is the share of planted copies that no split can separate from their
    original: they were found to be its copies or relatives, directly or through others. That,
    not the recall, keeps a test honest. ``recall`` is of the copies that have to be found: an
    altered copy within one known patient counts as a neighbour, and one under another known
    patient as a look-alike, so both are left out, but stay in ``recall_same_side``.

    Args:
        frame: the manifest with duplicates and relatives marked.
        found_clusters: its clusters.
        planted: from `planted_copies`.
    """
    if planted.empty:
        return {}
    group = group_scans(frame)
    cluster_of = {
        at: n for n, one in enumerate(found_clusters) for at in (one.representative, *one.copies)
    }
    hits = {
        "recall": np.array(
            [
                row in cluster_of and cluster_of[row] == cluster_of.get(original, -1)
                for row, original in zip(planted["row"], planted["original"], strict=True)
            ]
        ),
        "recall_same_side": group[planted["row"]] == group[planted["original"]],
    }
    counted: dict[str, Rows | bool] = {
        "recall": planted["expected"].to_numpy(np.bool_),
        "recall_same_side": True,
    }
    metrics = _shares(hits, counted, np.ones(len(planted), np.bool_), "")
    metrics["precision"] = _precision(len(frame), found_clusters, planted)
    for kind in COPIES:
        metrics |= _shares(hits, counted, (planted["kind"] == kind).to_numpy(), f"_{kind}")
    return metrics


def _shares(
    hits: dict[str, Rows], counted: dict[str, Rows | bool], of_kind: Rows, ending: str
) -> dict[str, int | float]:
    """Return the share of hits among the planted copies of a kind that count, if any do."""
    used = {name: of_kind & counted[name] for name in hits}
    return {
        f"{name}{ending}": float(hit[used[name]].mean())
        for name, hit in hits.items()
        if used[name].any()
    }


def _precision(count: int, found_clusters: list[Cluster], planted: pd.DataFrame) -> float:
    """Return the share of found copies that were planted; 1 without any."""
    component = connected_components(
        count, as_pairs(list(zip(planted["row"], planted["original"], strict=True)))
    )
    hits = [
        component[copy] == component[one.representative]
        for one in found_clusters
        for copy in one.copies
    ]
    return sum(map(bool, hits)) / len(hits) if hits else 1.0
