"""Groups, the stratified split of groups, and the audit of known links across it."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.seeds import derive_seed

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
    from scipy.sparse import coo_array  # slow to import, and many want but the names above
    from scipy.sparse.csgraph import connected_components

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


def stratified_group_split(
    scans: pd.DataFrame, strata: Sequence[str], shares: Mapping[str, float], seed: int
) -> list[str]:
    """Deal whole groups to the parts named in `shares`, alike in their strata.

    Every stratum gets one group in each part first; the others follow, the largest
    first, each to the part that is then the furthest behind its share. Among groups of
    one size the order is drawn from the seed and the names of the scans, so the order of
    the rows changes nothing.

    Args:
        scans: n rows with `scan_id` and `group`, of `group_scans`.
        strata: what should be spread evenly, one word a scan: its class.
        shares: of the scans, by part; they add up to 1.
        seed: of the order among groups of one size.

    Returns:
        The part of each scan.

    Raises:
        InputError: a stratum has fewer groups than there are parts, or too few of its own.
    """
    parts = list(shares)
    keys, groups = np.unique(_group_keys(scans), return_inverse=True)
    names, codes = np.unique(np.asarray(strata), return_inverse=True)
    counts = np.zeros((len(keys), len(names)))
    np.add.at(counts, (groups, codes), 1)
    _enough_groups(names, counts, parts)
    order = np.argsort([derive_seed(seed, "split", key) for key in keys], kind="stable")
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    placed = np.full(len(counts), -1)
    _one_of_each(placed, counts, order, names, parts)
    targets = np.array(list(shares.values()))[:, None] * counts.sum(axis=0)
    _fill(placed, counts, order, targets)
    return [parts[part] for part in placed[groups]]


def _group_keys(scans: pd.DataFrame) -> np.ndarray:
    """The name of each scan's group: that of its first scan in alphabetical order."""
    return scans.groupby("group")["scan_id"].transform("min").to_numpy(str)


def _enough_groups(names: np.ndarray, counts: np.ndarray, parts: Sequence[str]) -> None:
    for name, having in zip(names, (counts > 0).sum(axis=0), strict=True):
        if having < len(parts):
            raise InputError(
                f"class {str(name)!r} has {having} independent groups (patients or relatives) for "
                f"{' and '.join(parts)}, which need one each: add scans or drop the class"
            )


def _one_of_each(
    placed: np.ndarray,
    counts: np.ndarray,
    order: np.ndarray,
    names: np.ndarray,
    parts: Sequence[str],
) -> None:
    """Put the smallest free group of each stratum, rarest first, where it is missing."""
    for stratum in np.argsort((counts > 0).sum(axis=0), kind="stable"):
        for part in range(len(parts)):
            if counts[placed == part, stratum].sum() == 0:
                free = [group for group in order if placed[group] < 0 and counts[group, stratum]]
                if not free:
                    raise InputError(
                        f"class {str(names[stratum])!r} shares its few groups with other classes, "
                        f"so {parts[part]} would get none of it: add scans or drop the class"
                    )
                placed[free[-1]] = part


def _fill(placed: np.ndarray, counts: np.ndarray, order: np.ndarray, targets: np.ndarray) -> None:
    """Place the free groups where the chi-square against the targets grows the least.

    The parts so fill at the same rate, group size by group size: none collects the large
    groups.
    """
    have = np.array([counts[placed == part].sum(axis=0) for part in range(len(targets))])
    for group in order[placed[order] < 0]:
        growth = ((have + counts[group]) ** 2 - have**2) / targets
        placed[group] = np.argmin(growth.sum(axis=1))
        have[placed[group]] += counts[group]


def leakage_audit(manifest: pd.DataFrame) -> dict[str, int]:
    """Count the pairs of scans with something in common that stand in different splits.

    Args:
        manifest: with `split` and `group` beside the columns of `group_scans`; the group
            also tells of links through copies that were dropped.

    Returns:
        ``{"leaked_pairs_patient": 0, ...}``, one count a kind of link. Pairs of one patient that
        nobody knows are not among them.
    """
    return {f"leaked_pairs_{link}": _pairs_across(manifest, link) for link in (*LINKS, "group")}


def _pairs_across(manifest: pd.DataFrame, link: str) -> int:
    keys = _keys(manifest, link)
    known, splits = keys[keys != ""], manifest["split"]
    together = known.groupby(known).size()
    inside = known.groupby([known, splits]).size()
    return int((together * (together - 1)).sum() - (inside * (inside - 1)).sum()) // 2
