"""Groups of linked scans, and the stratified group split."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.seeds import derive_seed
from scanvote.manifest import blank_scans

SPLITS = ("train", "validation", "test")
EMPTY = "empty"
"""Stratum of the slices whose mask marks nothing."""
LINKS = ("patient", "series", "case", "relatives", "duplicate", "sha256")


@dataclass(frozen=True)
class Unspread:
    """What is known of a class that the parts of a split cannot share.

    Attributes:
        stratum: the class; empty if it is all scans.
        reason: why it cannot be spread.
        biggest: a scan of its biggest group.
        size: number of scans of the class in that group.
        total: number of its scans.
    """

    stratum: str
    reason: str
    biggest: str
    size: int
    total: int


class UnspreadClass(InputError):
    """A class whose groups are too few, or too mixed, for the parts of a split."""

    facts: Unspread

    @classmethod
    def of(cls, facts: Unspread) -> "UnspreadClass":
        subject = f"class {facts.stratum!r} " if facts.stratum else ""
        error = cls(
            f"{subject}{facts.reason}; {facts.size} of {facts.total} scans are one"
            f" group, that of {facts.biggest}: collect scans of more patients, or leave the class"
            " out"
        )
        error.facts = facts
        return error


def group_scans(manifest: pd.DataFrame) -> np.ndarray:
    """Number the groups of scans that a split must keep together.

    Scans are in one group if they share a patient, a series, a case, a group of relatives, the
    scan they are copies of, or their bytes, directly or through other scans. The bytes of blank
    pictures tie nobody.

    Args:
        manifest: with the text columns `scan_id`, `patient`, `series`, `case`,
            `relatives`, `duplicate_of` and `sha256`, empty if unknown; and `blank`, if any is.

    Returns:
        int array (scans,), the group of each row, numbered by first appearance.
    """
    from scipy.sparse import coo_array  # slow to import, and many modules need only the constants
    from scipy.sparse.csgraph import connected_components

    edges = [edge for link in LINKS for edge in _links(link_keys(manifest, link))]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    graph = coo_array(
        (np.ones(len(rows)), (np.array(rows, int), np.array(columns, int))),
        shape=(len(manifest), len(manifest)),
    )
    labels = connected_components(graph, directed=False)[1]
    return np.asarray(pd.factorize(labels)[0])


def link_keys(manifest: pd.DataFrame, link: str) -> pd.Series:
    """Return the key that linked scans share, empty if unknown."""
    if link == "duplicate":
        copy_of = manifest["duplicate_of"]
        return copy_of.where(copy_of != "", manifest["scan_id"])
    if link == "sha256":  # equal blank pictures are of anybody
        return manifest["sha256"].where(~blank_scans(manifest), "")
    return manifest[link]


def _links(keys: pd.Series) -> Iterable[tuple[int, int]]:
    """Link each row to the next with the same non-empty key."""
    last: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key and key in last:
            yield last[key], row
        if key:
            last[key] = row


def stratified_group_split(
    scans: pd.DataFrame,
    strata: Sequence[str],
    shares: Mapping[str, float],
    seed: int,
    optional: Collection[str] = (),
) -> list[str]:
    """Assign whole groups to the parts in `shares`, with similar strata.

    First, each part gets one group of every stratum. The other groups follow, the largest
    first, each to the part that is then furthest behind its share. The order of groups of
    equal size is drawn from the seed and the names of their scans, so the order of the rows
    changes nothing.

    Args:
        scans: n rows with `scan_id` and the `group` that `group_scans` gives.
        strata: stratum of each scan, such as its class.
        shares: share of the scans, by part; they add up to 1.
        seed: of the order of groups of equal size.
        optional: strata that a part may lack, if their groups are too few.

    Returns:
        The part of each scan.

    Raises:
        UnspreadClass: a stratum has fewer groups than there are parts, or shares too many of
            them with other strata.
    """
    parts = list(shares)
    keys, groups = np.unique(_group_keys(scans), return_inverse=True)
    names, codes = np.unique(np.asarray(strata), return_inverse=True)
    counts = np.zeros((len(keys), len(names)))
    np.add.at(counts, (groups, codes), 1)
    needed = ~np.isin(names, list(optional))
    _check_enough_groups(names, keys, counts, parts, needed)
    order = np.argsort([derive_seed(seed, "split", key) for key in keys], kind="stable")
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    placed = np.full(len(counts), -1)
    _place_one_of_each(placed, counts, order, (names, keys), parts, needed)
    targets = np.array(list(shares.values()))[:, None] * counts.sum(axis=0)
    _place_remaining(placed, counts, order, targets)
    return [parts[part] for part in placed[groups]]


def _group_keys(scans: pd.DataFrame) -> np.ndarray:
    """Name each scan's group by its first scan in alphabetical order."""
    return scans.groupby("group")["scan_id"].transform("min").to_numpy(str)


def _check_enough_groups(
    names: np.ndarray,
    keys: np.ndarray,
    counts: np.ndarray,
    parts: Sequence[str],
    needed: np.ndarray,
) -> None:
    folds = parts[0].startswith("fold ")
    each = f"{len(parts)} folds" if folds else f"{', '.join(parts[:-1])} and {parts[-1]}"
    for stratum, groups in enumerate((counts > 0).sum(axis=0)):
        if needed[stratum] and groups < len(parts):
            word = "groups" if groups > 1 else "group"
            reason = (
                f"has {groups} independent {word} of scans and needs {len(parts)}, one for each of"
                f" {each}"
            )
            raise UnspreadClass.of(_unspread(names, keys, counts, stratum, reason))


def _unspread(
    names: np.ndarray, keys: np.ndarray, counts: np.ndarray, stratum: int, reason: str
) -> Unspread:
    sizes = counts[:, stratum]
    biggest = int(sizes.argmax())
    return Unspread(
        str(names[stratum]), reason, str(keys[biggest]), int(sizes[biggest]), int(sizes.sum())
    )


def _place_one_of_each(
    placed: np.ndarray,
    counts: np.ndarray,
    order: np.ndarray,
    named: tuple[np.ndarray, np.ndarray],
    parts: Sequence[str],
    needed: np.ndarray,
) -> None:
    """Give parts without a stratum its smallest free group, rarest stratum first."""
    for stratum in np.argsort((counts > 0).sum(axis=0), kind="stable"):
        for part in range(len(parts)):
            if counts[placed == part, stratum].sum() == 0:
                free = [group for group in order if placed[group] < 0 and counts[group, stratum]]
                if not free and not needed[stratum]:
                    continue
                if not free:
                    reason = (
                        "shares its few groups with other classes, so"
                        f" {parts[part]} would get none of it"
                    )
                    raise UnspreadClass.of(_unspread(*named, counts, int(stratum), reason))
                placed[free[-1]] = part


def _place_remaining(
    placed: np.ndarray, counts: np.ndarray, order: np.ndarray, targets: np.ndarray
) -> None:
    """Place each free group where chi-square against the targets grows least.

    The parts thus fill at the same rate, from large groups to small: none collects the large
    ones.
    """
    placed_counts = np.array([counts[placed == part].sum(axis=0) for part in range(len(targets))])
    for group in order[placed[order] < 0]:
        growth = ((placed_counts + counts[group]) ** 2 - placed_counts**2) / targets
        placed[group] = np.argmin(growth.sum(axis=1))
        placed_counts[placed[group]] += counts[group]
