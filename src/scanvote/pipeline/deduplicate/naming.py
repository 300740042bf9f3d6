"""Who may be one person, by names and the sets behind them.

A data set names each of its patients once, so two of its names are two people. The names of two
data sets may be of one person. A name in the user's table has no data set; it differs from all
others.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.pairs import (
    concat_pairs,
    connected_components,
    selected_pairs,
)

GIVEN = ""
"""The "data set" of a name in the user's table."""


def naming_sets(frame: pd.DataFrame) -> list[str]:
    """Return the data set that names the patient of each scan, else `GIVEN`."""
    sources = set(frame["source"])
    prefixes = [name.partition("/")[0] for name in frame["patient"]]
    return [prefix if prefix in sources else GIVEN for prefix in prefixes]


def across_series(frame: pd.DataFrame, pairs: Pairs) -> NDArray[np.bool_]:
    """Return which pairs are not of one known series, bool (m,)."""
    return ~_shared(frame["series"], pairs)


def comparable(frame: pd.DataFrame, pairs: Pairs) -> NDArray[np.bool_]:
    """Return which pairs are not of one known series or patient, bool (m,).

    Two slices of one person are neighbours however similar they look.
    """
    return ~_shared(frame["series"], pairs) & ~_shared(frame["patient"], pairs)


def of_two_patients(frame: pd.DataFrame, pairs: Pairs) -> NDArray[np.bool_]:
    """Return which pairs are of two known patients who are not one person, bool (m,)."""
    patients = frame["patient"].to_numpy(object)
    sets = np.array(naming_sets(frame), object)
    one, other = patients[pairs[0]], patients[pairs[1]]
    known = (one != "") & (other != "") & (one != other)
    first, second = sets[pairs[0]], sets[pairs[1]]
    return np.asarray(known & ((first == second) | (first == GIVEN) | (second == GIVEN)), np.bool_)


def joined_pairs(frame: pd.DataFrame, certain: Pairs, perceptual: Pairs) -> Pairs:
    """Return the pairs that join scans of what may be one person.

    A perceptual pair joins no two clusters that both hold a known patient, unless two data sets
    named them: of one patient they are neighbours, and of two they only look alike. This holds
    through scans of unknown patients too, which go to the cluster that they resemble most.

    Args:
        frame: the manifest.
        certain: pairs with equal bytes, or merged by the user, which always join.
        perceptual: other pairs, the most similar first.
    """
    clusters = _Clusters(frame, connected_components(len(frame), certain))
    for i, j in zip(perceptual[0].tolist(), perceptual[1].tolist(), strict=True):
        clusters.join(i, j)
    pairs = concat_pairs(certain, perceptual)
    component = np.array([clusters.root(row) for row in range(len(frame))], np.int64)
    return selected_pairs(pairs, component[pairs[0]] == component[pairs[1]])


def _shared(values: "pd.Series[str]", pairs: Pairs) -> NDArray[np.bool_]:
    keys = values.to_numpy(object)
    one, other = keys[pairs[0]], keys[pairs[1]]
    return np.asarray((one != "") & (one == other), np.bool_)


class _Clusters:
    """Disjoint sets of scans, with the data sets that name a patient in each."""

    def __init__(self, frame: pd.DataFrame, component: NDArray[np.int64]) -> None:
        self._parent: list[int] = component.tolist()
        self._sets: dict[int, set[str]] = {}
        for root, patient, one in zip(
            self._parent, frame["patient"], naming_sets(frame), strict=True
        ):
            if patient:
                self._sets.setdefault(root, set()).add(one)

    def root(self, row: int) -> int:
        while self._parent[row] != row:
            self._parent[row] = self._parent[self._parent[row]]
            row = self._parent[row]
        return row

    def join(self, one: int, other: int) -> None:
        """Join the sets of two scans, if what is known of their patients allows it."""
        one, other = sorted((self.root(one), self.root(other)))
        first, second = self._sets.get(one, set()), self._sets.get(other, set())
        clash = first & second or GIVEN in first | second
        if one == other or (first and second and clash):
            return
        self._parent[other] = one
        self._sets[one] = first | second
