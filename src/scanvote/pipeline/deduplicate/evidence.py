"""Collect the evidence for copies: equal bytes, similar thumbnails, registration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scanvote.params import DeduplicateParams
from scanvote.pipeline.deduplicate.blank import NEARLY_EQUAL, Rows, nearly_constant, placeholders
from scanvote.pipeline.deduplicate.fingerprints import Fingerprints
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.naming import (
    across_series,
    comparable,
    joined_pairs,
    of_two_patients,
)
from scanvote.pipeline.deduplicate.overrides import Override, apply_overrides, without_overridden
from scanvote.pipeline.deduplicate.pair_search import pairs_by_correlation, pairs_by_registration
from scanvote.pipeline.deduplicate.pairs import (
    concat_pairs,
    connected_components,
    correlations,
    equal_pairs,
    selected_pairs,
)


@dataclass(frozen=True)
class Evidence:
    """Pairs of scans that may be one image, none within one series.

    Attributes:
        blank: scans that tell nothing of a person, and are in no pair.
        exact: pairs with equal bytes.
        same: pairs of two known patients whose thumbnails are nearly equal, which two patients'
            scans are not: one picture under two names.
        similar: pairs with near hashes and correlating thumbnails, the most similar first; not
            of one known patient, whose scans are neighbours unless their bytes are equal.
        aligned: likewise, but similar only after a registration.
    """

    blank: Rows
    exact: Pairs
    same: Pairs
    similar: Pairs
    aligned: Pairs

    @property
    def perceptual(self) -> Pairs:
        return concat_pairs(self.similar, self.aligned)

    def copies(self, frame: pd.DataFrame, overrides: Sequence[Override] = ()) -> Pairs:
        """Return the pairs of copies, after the user's overrides."""
        certain = apply_overrides(concat_pairs(self.exact, self.same), overrides)
        return joined_pairs(frame, certain, without_overridden(self.perceptual, overrides))

    def look_alikes(
        self, frame: pd.DataFrame, copies: Pairs, overrides: Sequence[Override] = ()
    ) -> Pairs:
        """Return the perceptual pairs of two known patients, who are not tied by them.

        Args:
            frame: the manifest.
            copies: the pairs of copies; other pairs of the same clusters are left out.
            overrides: from the user, who has judged their pairs.
        """
        pairs = without_overridden(self.perceptual, overrides)
        component = connected_components(len(frame), copies)
        apart = component[pairs[0]] != component[pairs[1]]
        return selected_pairs(pairs, apart & of_two_patients(frame, pairs))


def find_evidence(frame: pd.DataFrame, prints: Fingerprints, params: DeduplicateParams) -> Evidence:
    """Return the evidence for copies among all scans of a manifest.

    Args:
        frame: the manifest.
        prints: fingerprints of its scans.
        params: thresholds.
    """
    equal = equal_pairs(frame["sha256"].tolist())
    blank = nearly_constant(prints.thumbnails) | placeholders(frame, equal)
    similar = _similar(prints, params, blank)
    near = correlations(prints.thumbnails, similar) >= NEARLY_EQUAL
    blank |= placeholders(frame, concat_pairs(_seen(equal, blank), selected_pairs(similar, near)))
    exact, similar = _seen(equal, blank), _seen(similar, blank)
    near = correlations(prints.thumbnails, similar) >= NEARLY_EQUAL
    aligned = _aligned(frame, prints, concat_pairs(exact, similar), params, blank)
    return Evidence(
        blank,
        selected_pairs(exact, across_series(frame, exact)),
        selected_pairs(similar, near & of_two_patients(frame, similar)),
        _strongest_first(prints, selected_pairs(similar, comparable(frame, similar))),
        _strongest_first(prints, aligned),
    )


def _similar(prints: Fingerprints, params: DeduplicateParams, blank: Rows) -> Pairs:
    """Return similar pairs; blank scans have one hash, so their pairs would be too many."""
    rows = np.flatnonzero(~blank)
    pairs = pairs_by_correlation(prints.of(rows), params)
    return rows[pairs[0]], rows[pairs[1]]


def _aligned(
    frame: pd.DataFrame, prints: Fingerprints, known: Pairs, params: DeduplicateParams, blank: Rows
) -> Pairs:
    rows = np.flatnonzero(~blank)
    place = np.cumsum(~blank) - 1
    pairs = pairs_by_registration(
        frame.iloc[rows], prints.of(rows), (place[known[0]], place[known[1]]), params.aligned
    )
    return rows[pairs[0]], rows[pairs[1]]


def _seen(pairs: Pairs, blank: Rows) -> Pairs:
    return selected_pairs(pairs, ~blank[pairs[0]] & ~blank[pairs[1]])


def _strongest_first(prints: Fingerprints, pairs: Pairs) -> Pairs:
    order = np.lexsort((pairs[1], pairs[0], -correlations(prints.thumbnails, pairs)))
    return pairs[0][order], pairs[1][order]
