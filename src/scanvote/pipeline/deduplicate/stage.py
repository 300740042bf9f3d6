"""The stage `deduplicate`: mark copies, label conflicts and relatives."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.core.files import write_csv
from scanvote.core.terminal import print_status
from scanvote.manifest import (
    MANIFEST,
    Metrics,
    blank_scans,
    read_manifest,
    source_labels,
    write_manifest,
)
from scanvote.params import DeduplicateParams
from scanvote.pipeline.deduplicate.blank import with_blank
from scanvote.pipeline.deduplicate.clusters import (
    Cluster,
    find_clusters,
    mark_duplicates,
    mislabelled,
)
from scanvote.pipeline.deduplicate.evidence import Evidence, find_evidence
from scanvote.pipeline.deduplicate.fingerprints import Fingerprints, fingerprints
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.messages import (
    blank_lines,
    conflict_lines,
    look_alike_lines,
    related_lines,
    tied_patients,
)
from scanvote.pipeline.deduplicate.montage import AMPLIFIED, MontagePair, write_montage
from scanvote.pipeline.deduplicate.naming import across_series
from scanvote.pipeline.deduplicate.overlap import registered_correlations
from scanvote.pipeline.deduplicate.overrides import (
    Override,
    check_kept_apart,
    dropped,
    kept_with_equal_bytes,
    read_overrides,
)
from scanvote.pipeline.deduplicate.pairs import (
    as_pairs,
    component_members,
    concat_pairs,
    connected_components,
    correlations,
    selected_pairs,
)
from scanvote.pipeline.deduplicate.patients import (
    LOOK_ALIKES,
    mark_conflicts,
    patient_conflicts,
    read_patients,
    with_inherited,
    with_patients,
)
from scanvote.pipeline.deduplicate.phantom_recall import duplicate_recall, planted_copies
from scanvote.pipeline.deduplicate.relatives import relatives, with_look_alikes

SHOWN = 24
"""Pairs in the montage, as many as one judges in a minute."""
NAME = 56
"""Characters of a name that fit the montage."""


def deduplicate(
    raw: Path, params: DeduplicateParams, override_table: Path, patients: Path, out: Path
) -> Metrics:
    """Mark duplicates and relatives among the scans of ``raw/manifest.csv``.

    No image is copied or deleted. Copies are files with the same bytes, images with near
    perceptual hashes and correlating thumbnails, and images whose thumbnails correlate even more
    closely once a small rotation or crop is undone. The user can override that in the table
    `override_table`, and name the patient of a scan in the table `patients`.

    One scan of each cluster is kept, the representative: preferably of a known patient, then of a
    known series, then the largest image, then the first path. Slices of its own series are no
    copies of it, and are kept too. Within one known patient only equal bytes are copies, and two
    known patients are never tied by what only looks alike; such pairs are listed. One picture
    under two known patients is a patient conflict: one scan of it is kept, the scans of both
    patients stay together, and it is listed. Blank pictures and placeholders are no copies of
    anything. If the labels in a cluster differ, or differ from the label at the source, no scan of
    it is kept. Copies of unknown patients inherit the patient of the representative.

    Writes to `out`: ``manifest.csv`` with kept, duplicate_of, conflict and relatives, and blank
    and patient_conflict if any scan is,
    ``duplicates.csv`` with every copy and the evidence for it, ``montage.png``.

    Returns:
        Counts, and on a phantom the recall and precision of the planted copies.

    Raises:
        InputError: the manifest, an image or one of the two tables is missing or wrong.
    """
    frame = read_manifest(raw / MANIFEST)
    given = read_patients(patients, frame["scan_id"].tolist())
    frame = with_patients(frame, given)
    overrides = read_overrides(override_table, frame)
    prints = fingerprints([raw / path for path in frame["path"]])
    evidence = find_evidence(frame, prints, params)
    by_rule, pairs = evidence.copies(frame), evidence.copies(frame, overrides)
    look_alikes = evidence.look_alikes(frame, pairs, overrides)
    planted = planted_copies(raw, frame)
    frame, found_clusters = mark(frame, evidence, overrides)
    contradicting = patient_conflicts(frame, found_clusters)
    frame["relatives"] = relatives(frame, prints, params.relatives)
    frame = with_look_alikes(frame, prints, params.relatives)
    frame = with_blank(frame, kept_with_equal_bytes(frame, overrides))
    table = duplicates_table(
        frame, found_clusters, prints, evidence, by_rule, look_alikes, overrides
    )
    table.insert(2, "kind", kinds(table, contradicting))
    write_manifest(frame, out / MANIFEST)
    write_csv(table.drop(columns=["row", "row_of"]).round(6), out / "duplicates.csv")
    _write_montage(raw, frame, table, out / "montage.png")
    for line in (
        *conflict_lines(frame, contradicting, patients, override_table),
        *look_alike_lines(frame, look_alikes, patients, override_table),
        *related_lines(frame, patients),
        *blank_lines(frame, evidence.blank, override_table),
    ):
        print_status(line)
    counts = _metrics(frame, found_clusters, evidence.exact) | {
        "overruled": len(overrides),
        "patients_given": len(given),
        "patient_conflicts": len(contradicting),
        "pairs_of_two_patients": len(look_alikes[0]),
    }
    return counts | duplicate_recall(frame, found_clusters, planted)


def mark(
    frame: pd.DataFrame, evidence: Evidence, overrides: Sequence[Override]
) -> tuple[pd.DataFrame, list[Cluster]]:
    """Mark copies, conflicts and blank pictures in a manifest; return it with the clusters.

    Args:
        frame: the manifest.
        evidence: for copies.
        overrides: from the user.

    Raises:
        InputError: two scans that are to be kept apart are linked through others.
    """
    pairs = evidence.copies(frame, overrides)
    check_kept_apart(frame, pairs, overrides)
    found_clusters = find_clusters(frame, pairs)
    contradicting = patient_conflicts(frame, found_clusters)
    agreed = [one for one in found_clusters if one not in contradicting]
    marked = with_inherited(mark_duplicates(frame, found_clusters), agreed)
    marked.loc[sorted(dropped(overrides)), "kept"] = False
    return mark_conflicts(with_blank(marked, evidence.blank), contradicting), found_clusters


def duplicates_table(
    frame: pd.DataFrame,
    found_clusters: list[Cluster],
    prints: Fingerprints,
    evidence: Evidence,
    by_rule: Pairs,
    look_alikes: Pairs,
    overrides: Sequence[Override],
) -> pd.DataFrame:
    """Return a table of the copies and the evidence for each.

    Each copy has a row; in a conflict, every scan but the representative has one. Scans that are
    no copies but have another label at their source follow as conflicts, and pairs that look
    like copies but are of two known patients as `LOOK_ALIKES`.

    Args:
        frame: the manifest.
        found_clusters: its clusters.
        prints: fingerprints of all scans.
        evidence: for copies.
        by_rule: pairs of copies that the rule finds, before the overrides.
        look_alikes: pairs of two known patients.
        overrides: from the user; dropped scans follow in rows of their own.
    """
    pairs, conflict = _judged_pairs(frame, found_clusters, overrides)
    rules = _rules(frame, pairs, conflict, evidence, by_rule)
    pairs = concat_pairs(pairs, look_alikes)
    rules = np.append(rules, [LOOK_ALIKES] * len(look_alikes[0]))
    conflict = np.append(conflict, np.zeros(len(look_alikes[0]), np.bool_))
    one, other = frame.iloc[pairs[0]], frame.iloc[pairs[1]]
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
    moved = np.isin(rules, ["aligned", LOOK_ALIKES])
    table.loc[moved, "aligned"] = registered_correlations(
        prints.thumbnails, (pairs[0][moved], pairs[1][moved])
    )
    return table


def kinds(table: pd.DataFrame, contradicting: Sequence[Cluster]) -> NDArray[np.str_]:
    """Name what each row of the table of copies is, by the first that holds.

    ``patient_conflict``: one picture under two known patients; ``label_conflict``: in two classes;
    ``look_alike``: of two known patients, both kept; ``dropped`` by the user; else ``copy``.
    """
    rows = [row for one in contradicting for row in one.rows]
    patients = table["patient"].ne("") & table["row"].isin(rows)
    return np.select(
        [
            patients & (table["row"] != table["row_of"]),
            table["conflict"],
            table["rule"] == LOOK_ALIKES,
            table["row"] == table["row_of"],
        ],
        ["patient_conflict", "label_conflict", "look_alike", "dropped"],
        "copy",
    )


def _judged_pairs(
    frame: pd.DataFrame, found_clusters: list[Cluster], overrides: Sequence[Override]
) -> tuple[Pairs, NDArray[np.bool_]]:
    """Return pairs of a scan and its representative, and the conflicts.

    A scan that is no copy is paired with itself.
    """
    rows = [
        (row, one.representative, one.conflict)
        for one in found_clusters
        for row in sorted(one.copies + (one.neighbours if one.conflict else ()))
    ]
    clustered = {row for one in found_clusters for row in one.rows}
    wrong = [int(row) for row in np.flatnonzero(mislabelled(frame)) if row not in clustered]
    rows += [(row, row, True) for row in wrong]
    rows += [(row, row, False) for row in sorted(dropped(overrides))]
    conflict = np.array([conflict for _, _, conflict in rows], bool)
    return as_pairs([(row, representative) for row, representative, _ in rows]), conflict


def _rules(
    frame: pd.DataFrame,
    pairs: Pairs,
    conflict: NDArray[np.bool_],
    evidence: Evidence,
    by_rule: Pairs,
) -> NDArray[np.str_]:
    """Name the evidence for each of `pairs`."""
    unregistered = concat_pairs(concat_pairs(evidence.exact, evidence.same), evidence.similar)
    digests = frame["sha256"].to_numpy()
    no_copy = pairs[0] == pairs[1]
    return np.select(
        [
            no_copy & conflict,
            no_copy | ~_linked(frame, by_rule, pairs),
            digests[pairs[0]] == digests[pairs[1]],
            _linked(frame, unregistered, pairs),
        ],
        ["source label", "overruled", "bytes", "perceptual"],
        "aligned",
    )


def _linked(frame: pd.DataFrame, links: Pairs, pairs: Pairs) -> NDArray[np.bool_]:
    """Return whether `links` connect the two scans of each of `pairs`, except within a series."""
    component = connected_components(len(frame), selected_pairs(links, across_series(frame, links)))
    same: NDArray[np.bool_] = component[pairs[0]] == component[pairs[1]]
    return same


def _write_montage(raw: Path, frame: pd.DataFrame, table: pd.DataFrame, path: Path) -> None:
    """Show conflicts, then the least similar copy per cluster, then the others."""
    copies = table[table["duplicate_of"] != ""].assign(
        agreed=~table["kind"].str.endswith("_conflict")
    )
    copies = copies.sort_values(["agreed", "correlation", "scan_id"], kind="stable")
    copies["again"] = copies.groupby("row_of").cumcount() > 0
    shown: Iterable[Any] = (
        copies.sort_values(["agreed", "again"], kind="stable").head(SHOWN).itertuples()
    )
    paths = frame["path"].tolist()
    pairs = [
        MontagePair(raw / paths[one.row_of], raw / paths[one.row], _title(one), one.conflict)
        for one in shown
    ]
    shown_words = f"showing {len(pairs)} of {len(copies)}" if len(copies) else "none found"
    red = "; red: two labels, neither kept" if copies["conflict"].any() else ""
    title = f"Kept scan, its copy, {AMPLIFIED} × their difference{red}: {shown_words}"
    write_montage(pairs, title, path)


def _title(one: Any) -> str:
    names = "\n".join(_end_of_name(str(name)) for name in (one.duplicate_of, one.scan_id))
    alike = f"r {one.correlation:.3f}, {one.distance} bits"
    reasons = {
        "bytes": "same bytes",
        "perceptual": alike,
        "aligned": f"r {one.correlation:.3f}, aligned {one.aligned:.3f}",
        "overruled": f"merged by hand, {alike}",
        LOOK_ALIKES: f"two patients, both kept, {alike}",
    }
    labels = f" · {one.label_of} or {one.label}?" if one.conflict else ""
    patients = f" · {one.patient_of} or {one.patient}?" if one.kind == "patient_conflict" else ""
    return f"{names}\n{reasons[one.rule]}{labels}{patients}"


def _end_of_name(name: str) -> str:
    return name if len(name) <= NAME else f"…{name[-NAME:]}"


def _metrics(frame: pd.DataFrame, found_clusters: list[Cluster], exact: Pairs) -> Metrics:
    sizes = [1 + len(cluster.copies) for cluster in found_clusters]
    related = frame["relatives"][frame["relatives"] != ""].value_counts()
    byte_copies = component_members(connected_components(len(frame), exact))
    return {
        "scans": len(frame),
        "kept": int(frame["kept"].sum()),
        "redundant": sum(len(one.copies) for one in found_clusters if not one.conflict),
        "byte_copies": sum(len(group) - 1 for group in byte_copies),
        "clusters": len(found_clusters),
        "largest_cluster": max(sizes, default=0),
        "conflicts": sum(one.conflict for one in found_clusters),
        "conflict_scans": int(frame["conflict"].sum()),
        "source_label_conflicts": int(mislabelled(frame).sum()),
        "relatives_groups": len(related),
        "largest_relatives_group": int(related.max()) if len(related) else 0,
        "relatives_of_two_patients": len(tied_patients(frame)),
        "blank": int(blank_scans(frame).sum()),
    }
