"""Groups, the stratified split of groups, and the audit that proves it leaks nothing."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scanvote.errors import InputError
from scanvote.seeds import generator

SPLITS = ("train", "validation", "test")
LINKS = ("patient", "series", "relatives", "duplicate", "sha256")


def group_scans(manifest: pd.DataFrame) -> np.ndarray:
    """Number the groups of scans that must stay on one side.

    Scans belong together when they share a patient, a series, a group of
    relatives, the scan they are copies of, or their bytes, directly or through others.

    Args:
        manifest: with the text columns `scan_id`, `patient`, `series`, `relatives`,
            `duplicate_of` and `sha256`, empty where unknown.

    Returns:
        int array (scans,), the group of each row, numbered by first appearance.
    """
    edges = [edge for link in LINKS for edge in _chains(_keys(manifest, link))]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    graph = coo_array(
        (np.ones(len(rows)), (np.array(rows, int), np.array(columns, int))),
        shape=(len(manifest), len(manifest)),
    )
    labels = connected_components(graph, directed=False)[1]
    return np.asarray(pd.factorize(labels)[0])


def _keys(manifest: pd.DataFrame, link: str) -> pd.Series:
    """What the scans that are linked have in common, empty where unknown."""
    if link == "duplicate":
        copy_of = manifest["duplicate_of"]
        return copy_of.where(copy_of != "", manifest["scan_id"])
    return manifest[link]


def _chains(keys: pd.Series) -> Iterable[tuple[int, int]]:
    """Each row linked to the next one with the same non-empty key."""
    last: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key and key in last:
            yield last[key], row
        if key:
            last[key] = row


def split_groups(
    groups: np.ndarray, strata: Sequence[str], test: float, validation: float, seed: int
) -> list[str]:
    """Assign whole groups to train, validation and test, alike in their strata.

    Every stratum gets one group in each split first; the others follow, the
    largest first, each to the split that is then the furthest behind its share.

    Args:
        groups: int array (scans,), as of `group_scans`.
        strata: what should be spread evenly, one word a scan: its class.
        test, validation: shares of the scans.
        seed: of the order among groups of one size.

    Returns:
        The split of each scan.

    Raises:
        InputError: a stratum has fewer groups than there are splits, or too few of its own.
    """
    names, codes = np.unique(np.asarray(strata), return_inverse=True)
    counts = np.zeros((groups.max() + 1, len(names)))
    np.add.at(counts, (groups, codes), 1)
    _enough_groups(names, counts)
    shares = np.array([1 - test - validation, validation, test])
    targets = shares[:, None] * counts.sum(axis=0)
    order = generator(seed, "split").permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    placed = np.full(len(counts), -1)
    _one_of_each(placed, counts, order, names)
    for group in order[placed[order] < 0]:
        have = np.array([counts[placed == side].sum(axis=0) for side in range(3)])
        placed[group] = np.argmin(_cost(have, counts[group], targets))
    return [SPLITS[side] for side in placed[groups]]


def _enough_groups(names: np.ndarray, counts: np.ndarray) -> None:
    for name, having in zip(names, (counts > 0).sum(axis=0), strict=True):
        if having < len(SPLITS):
            raise InputError(
                f"class {str(name)!r} has {having} independent groups (patients or relatives); "
                f"the three splits need at least {len(SPLITS)}: add scans or drop the class"
            )


def _one_of_each(
    placed: np.ndarray, counts: np.ndarray, order: np.ndarray, names: np.ndarray
) -> None:
    """Put the smallest free group of each stratum, rarest first, where it is missing."""
    for stratum in np.argsort((counts > 0).sum(axis=0), kind="stable"):
        for side in range(len(SPLITS)):
            if counts[placed == side, stratum].sum() == 0:
                free = [group for group in order if placed[group] < 0 and counts[group, stratum]]
                if not free:
                    raise InputError(
                        f"class {str(names[stratum])!r} shares its few groups with other classes, "
                        f"so {SPLITS[side]} would get none of it: add scans or drop the class"
                    )
                placed[free[-1]] = side


def _cost(have: np.ndarray, group: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How much the chi-square of each split against its share grows by taking the group.

    Splits so fill at the same rate, group size by group size: neither training nor
    test collects the large groups.
    """
    return np.asarray((((have + group) ** 2 - have**2) / targets).sum(axis=1))


def audit(manifest: pd.DataFrame) -> dict[str, int]:
    """Count the pairs of scans with something in common that stand in different splits.

    Args:
        manifest: with `split` and `group` beside the columns of `group_scans`; the group
            also tells of links through copies that were dropped.

    Returns:
        ``{"leaked_pairs_patient": 0, ...}``, one count a kind of link.
    """
    return {f"leaked_pairs_{link}": _pairs_across(manifest, link) for link in (*LINKS, "group")}


def _pairs_across(manifest: pd.DataFrame, link: str) -> int:
    keys = _keys(manifest, link)
    known, splits = keys[keys != ""], manifest["split"]
    together = known.groupby(known).size()
    inside = known.groupby([known, splits]).size()
    return int((together * (together - 1)).sum() - (inside * (inside - 1)).sum()) // 2
