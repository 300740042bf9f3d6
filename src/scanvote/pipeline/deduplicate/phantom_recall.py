"""How well the copies that a phantom planted were found, and kept on one side of a split."""

from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.datasets.phantom.truth import PLANTED, TRUTH, read_planted
from scanvote.pipeline.deduplicate.clusters import Cluster
from scanvote.pipeline.deduplicate.pairs import as_pairs, clusters
from scanvote.splits.groups import group_scans

COPIES = ("byte_copy", "reencoded", "resized", "relabelled", "brighter", "rotated", "cropped")
"""Kinds in ``planted.csv`` that are copies of another scan."""


def planted_copies(raw: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """The planted copies of which the manifest holds both scans.

    Args:
        raw: folder of the task, with a folder a data set.
        frame: the manifest.

    Returns:
        Columns kind, and row and original: rows of the manifest.
    """
    row = {path: at for at, path in enumerate(frame["path"])}
    folders = sorted(path.parent for path in raw.glob(f"*/{PLANTED}"))
    both = [
        (fault.kind, f"{folder.name}/{fault.path}", f"{folder.name}/{fault.original}")
        for folder in folders
        if (folder / TRUTH).is_file()  # else the name is a coincidence
        for fault in read_planted(folder)
    ]
    copies = [
        (kind, row[path], row[original])
        for kind, path, original in both
        if kind in COPIES and path in row and original in row
    ]
    return pd.DataFrame(copies, columns=["kind", "row", "original"])


def duplicate_recall(
    frame: pd.DataFrame, found: list[Cluster], planted: pd.DataFrame
) -> dict[str, int | float]:
    """Recall of the planted copies, overall and a kind, and precision of what was found.

    ``recall_same_side`` is the share of planted copies that cannot be parted from their
    original by a split: they are copies of it for us, or relatives, directly or through
    others. That, not the recall, is what keeps a test honest.

    Args:
        frame: the manifest, judged, with relatives.
        found: its clusters.
        planted: of `planted_copies`.
    """
    if planted.empty:
        return {}
    group = group_scans(frame)
    together = {at: n for n, one in enumerate(found) for at in (one.representative, *one.copies)}
    hits = {
        "recall": np.array(
            [
                row in together and together[row] == together.get(original, -1)
                for row, original in zip(planted["row"], planted["original"], strict=True)
            ]
        ),
        "recall_same_side": group[planted["row"]] == group[planted["original"]],
    }
    figures: dict[str, int | float] = {name: float(hit.mean()) for name, hit in hits.items()}
    figures["precision"] = _precision(len(frame), found, planted)
    for kind in COPIES:
        of_kind = (planted["kind"] == kind).to_numpy()
        if of_kind.any():
            figures |= {f"{name}_{kind}": float(hit[of_kind].mean()) for name, hit in hits.items()}
    return figures


def _precision(count: int, found: list[Cluster], planted: pd.DataFrame) -> float:
    """Share of the found copies that were planted; 1 of nothing, as nothing was wrong."""
    same = clusters(count, as_pairs(list(zip(planted["row"], planted["original"], strict=True))))
    right = [same[copy] == same[one.representative] for one in found for copy in one.copies]
    return sum(map(bool, right)) / len(right) if right else 1.0
