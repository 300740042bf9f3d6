"""The stage `deduplicate`: which scans are copies, conflicts, or relatives of others."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.core.files import write_csv
from scanvote.core.terminal import print_status
from scanvote.manifest import MANIFEST, Metrics, read_manifest, source_labels, write_manifest
from scanvote.params import DeduplicateParams
from scanvote.pipeline.deduplicate.clusters import (
    Cluster,
    across_series,
    find_clusters,
    mark_duplicates,
    mislabelled,
)
from scanvote.pipeline.deduplicate.fingerprints import Fingerprints, fingerprints
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.montage import AMPLIFIED, MontagePair, write_montage
from scanvote.pipeline.deduplicate.overlap import registered_correlations
from scanvote.pipeline.deduplicate.overrides import (
    Override,
    apply_overrides,
    check_kept_apart,
    dropped,
    read_overrides,
)
from scanvote.pipeline.deduplicate.pair_search import pairs_by_correlation, pairs_by_registration
from scanvote.pipeline.deduplicate.pairs import (
    as_pairs,
    clusters,
    concat_pairs,
    correlations,
    equal_pairs,
    members,
)
from scanvote.pipeline.deduplicate.patients import (
    patient_conflicts,
    read_patients,
    with_inherited,
    with_patients,
)
from scanvote.pipeline.deduplicate.phantom_recall import duplicate_recall, planted_copies
from scanvote.pipeline.deduplicate.relatives import relatives, with_look_alikes

SHOWN = 24
"""Pairs in the montage: as many as a person judges in a minute."""
NAME = 56
"""Characters of a name that the montage has room for."""


def deduplicate(
    raw: Path, params: DeduplicateParams, decisions: Path, patients: Path, out: Path
) -> Metrics:
    """Judge the scans of ``raw/manifest.csv``; no image is copied or deleted.

    Files with the same bytes are copies; so are those whose perceptual hashes are near
    and whose thumbnails correlate, and those that do so once a small turn or cut is
    undone, the more closely for it. A person overrules that in the table `decisions`, and
    tells in the table `patients` who is on a scan. Of a cluster of copies the one with the
    largest image is kept, the first by path among equals; none is kept if their labels
    differ, or if the source of the image gave it another label. Copies of unknown patients
    inherit the patient of the scan that is kept.

    Writes to `out`: ``manifest.csv`` with kept, duplicate_of, conflict and relatives,
    ``duplicates.csv`` with every copy and what spoke for it, ``montage.png``.

    Returns:
        Counts, and on a phantom the recall and precision against what was planted.

    Raises:
        InputError: the manifest, an image or one of the two tables is missing or wrong.
    """
    frame = read_manifest(raw / MANIFEST)
    given = read_patients(patients, frame["scan_id"].tolist())
    frame = with_patients(frame, given)
    overruled = read_overrides(decisions, frame)
    prints = fingerprints([raw / path for path in frame["path"]])
    exact = equal_pairs(frame["sha256"].tolist())
    untouched = concat_pairs(exact, pairs_by_correlation(prints, params))
    alike = concat_pairs(untouched, pairs_by_registration(frame, prints, untouched, params.aligned))
    pairs = apply_overrides(alike, overruled)
    check_kept_apart(frame, across_series(frame["series"].tolist(), pairs), overruled)
    found = find_clusters(frame, pairs)
    contradicting = patient_conflicts(frame, found)
    agreed = [one for one in found if one not in contradicting]
    frame = with_inherited(mark_duplicates(frame, found), agreed)
    frame.loc[sorted(dropped(overruled)), "kept"] = False
    frame["relatives"] = relatives(frame, prints, params.relatives)
    frame = with_look_alikes(frame, prints, params.relatives)
    table = duplicates_table(frame, found, prints, (untouched, alike), overruled)
    write_manifest(frame, out / MANIFEST)
    write_csv(table.drop(columns=["row", "row_of"]).round(6), out / "duplicates.csv")
    _write_montage(raw, frame, table, out / "montage.png")
    for line in conflict_lines(frame, contradicting):
        print_status(line)
    counts = _metrics(frame, found, exact) | {
        "overruled": len(overruled),
        "patients_given": len(given),
        "patient_conflicts": len(contradicting),
    }
    return counts | duplicate_recall(frame, found, planted_copies(raw, frame))


def duplicates_table(
    frame: pd.DataFrame,
    found: list[Cluster],
    prints: Fingerprints,
    alike: tuple[Pairs, Pairs],
    overruled: Sequence[Override],
) -> pd.DataFrame:
    """One row a copy (in a conflict: every scan but the keeper), with what spoke for it.

    Scans that are no copies and have another label at their source follow, as conflicts.

    Args:
        frame: the manifest.
        found: its clusters.
        prints: of all scans.
        alike: pairs that are alike as they are, and all that the rule holds for alike.
        overruled: decisions of a person; what is dropped follows in rows of its own.
    """
    pairs, conflict = _judged_pairs(frame, found, overruled)
    one, other = frame.iloc[pairs[0]], frame.iloc[pairs[1]]
    rules = _rules(frame, pairs, conflict, alike)
    at_source = rules == "source label"
    table = pd.DataFrame(
        {
            "scan_id": one["scan_id"].to_numpy(),
            "duplicate_of": other["scan_id"].to_numpy(),
            "rule": rules,
            "distance": np.bitwise_count(prints.hashes[pairs[0]] ^ prints.hashes[pairs[1]]),
            "correlation": correlations(prints.thumbnails, pairs),
            "aligned": np.nan,
            "conflict": conflict,
            "label": one["label"].to_numpy(),
            "label_of": np.where(at_source, source_labels(other), other["label"]),
            "patient": one["patient"].to_numpy(),
            "patient_of": other["patient"].to_numpy(),
            "row": pairs[0],
            "row_of": pairs[1],
        }
    )
    table.loc[pairs[0] == pairs[1], "duplicate_of"] = ""  # a copy of nothing
    moved = rules == "aligned"
    table.loc[moved, "aligned"] = registered_correlations(
        prints.thumbnails, (pairs[0][moved], pairs[1][moved])
    )
    return table


def _judged_pairs(
    frame: pd.DataFrame, found: list[Cluster], overruled: Sequence[Override]
) -> tuple[Pairs, NDArray[np.bool_]]:
    """Rows of a scan and of what it copies (itself, where it copies none); which conflict."""
    rows = [
        (row, one.representative, one.conflict)
        for one in found
        for row in sorted(one.copies + (one.neighbours if one.conflict else ()))
    ]
    inside = {row for one in found for row in one.rows}
    wrong = [int(row) for row in np.flatnonzero(mislabelled(frame)) if row not in inside]
    rows += [(row, row, True) for row in wrong]
    rows += [(row, row, False) for row in sorted(dropped(overruled))]
    conflict = np.array([conflict for _, _, conflict in rows], bool)
    return as_pairs([(row, keeper) for row, keeper, _ in rows]), conflict


def _rules(
    frame: pd.DataFrame, pairs: Pairs, conflict: NDArray[np.bool_], alike: tuple[Pairs, Pairs]
) -> NDArray[np.str_]:
    """What speaks for each of `pairs`; `alike` as in `duplicates_table`."""
    sums = frame["sha256"].to_numpy()
    single = pairs[0] == pairs[1]
    as_they_are, alone = (_chained(frame, part, pairs) for part in alike)
    return np.select(
        [single & conflict, single | ~alone, sums[pairs[0]] == sums[pairs[1]], as_they_are],
        ["source label", "overruled", "bytes", "perceptual"],
        "aligned",
    )


def _chained(frame: pd.DataFrame, alike: Pairs, pairs: Pairs) -> NDArray[np.bool_]:
    """Whether those that are alike chain the two of each of `pairs`, no series with itself."""
    component = clusters(len(frame), across_series(frame["series"].tolist(), alike))
    same: NDArray[np.bool_] = component[pairs[0]] == component[pairs[1]]
    return same


def conflict_lines(frame: pd.DataFrame, contradicting: Sequence[Cluster]) -> list[str]:
    """A line for each cluster of copies that has two patients, who stay on one side."""
    lines = []
    for one in contradicting:
        scans = frame.iloc[[one.representative, *one.copies]]
        scans = scans[scans["patient"] != ""].drop_duplicates("patient")
        claims = ", ".join(
            f"{scan} is of {patient}"
            for scan, patient in zip(scans["scan_id"], scans["patient"], strict=True)
        )
        lines.append(
            f"copies with two patients: {claims}; correct the table of patients, or part the scans"
            " in the table of copies; until then groups hold all scans of both together"
        )
    return lines


def _write_montage(raw: Path, frame: pd.DataFrame, table: pd.DataFrame, path: Path) -> None:
    """Conflicts, then the least alike copy of each cluster, then the others."""
    copies = table[table["duplicate_of"] != ""].assign(agreed=~table["conflict"])
    copies = copies.sort_values(["agreed", "correlation", "scan_id"], kind="stable")
    copies["again"] = copies.groupby("row_of").cumcount() > 0
    shown: Iterable[Any] = (
        copies.sort_values(["agreed", "again"], kind="stable").head(SHOWN).itertuples()
    )
    paths = frame["path"].tolist()
    pairs = [
        MontagePair(raw / paths[one.row_of], raw / paths[one.row], _said(one), one.conflict)
        for one in shown
    ]
    words = f"showing {len(pairs)} of {len(copies)}" if len(copies) else "none found"
    red = "; red: two labels, neither kept" if copies["conflict"].any() else ""
    what = f"Kept scan, its copy, {AMPLIFIED} × their difference{red}: {words}"
    write_montage(pairs, what, path)


def _said(one: Any) -> str:
    names = "\n".join(_shortened(str(name)) for name in (one.duplicate_of, one.scan_id))
    alike = f"r {one.correlation:.3f}, {one.distance} bits"
    why = {
        "bytes": "same bytes",
        "perceptual": alike,
        "aligned": f"r {one.correlation:.3f}, aligned {one.aligned:.3f}",
        "overruled": f"merged by hand, {alike}",
    }
    labels = f" · {one.label_of} or {one.label}?" if one.conflict else ""
    return f"{names}\n{why[one.rule]}{labels}"


def _shortened(name: str) -> str:
    return name if len(name) <= NAME else f"…{name[-NAME:]}"


def _metrics(frame: pd.DataFrame, found: list[Cluster], exact: Pairs) -> Metrics:
    sizes = [1 + len(cluster.copies) for cluster in found]
    related = frame["relatives"][frame["relatives"] != ""].value_counts()
    same = members(clusters(len(frame), across_series(frame["series"].tolist(), exact)))
    return {
        "scans": len(frame),
        "kept": int(frame["kept"].sum()),
        "redundant": sum(len(one.copies) for one in found if not one.conflict),
        "byte_copies": sum(len(group) - 1 for group in same),
        "clusters": len(found),
        "largest_cluster": max(sizes, default=0),
        "conflicts": sum(one.conflict for one in found),
        "conflict_scans": int(frame["conflict"].sum()),
        "source_label_conflicts": int(mislabelled(frame).sum()),
        "relatives_groups": len(related),
        "largest_relatives_group": int(related.max()) if len(related) else 0,
    }
