"""Find pairs of duplicates by correlation, directly or after registration."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.params import DeduplicateParams
from scanvote.pipeline.deduplicate.fingerprints import Fingerprints
from scanvote.pipeline.deduplicate.hamming import Pairs, pairs_within
from scanvote.pipeline.deduplicate.naming import comparable
from scanvote.pipeline.deduplicate.overlap import registered_correlations
from scanvote.pipeline.deduplicate.pairs import as_pairs, correlated, selected_pairs
from scanvote.pipeline.deduplicate.tangents import tangent_pairs


def pairs_by_correlation(prints: Fingerprints, params: DeduplicateParams) -> Pairs:
    """Return pairs with near hashes and correlating thumbnails."""
    shortlist = pairs_within(prints.hashes, params.shortlist)
    return correlated(prints.thumbnails, shortlist, params.correlation)[0]


def pairs_by_registration(
    frame: pd.DataFrame, prints: Fingerprints, known: Pairs, min_correlation: float | None
) -> Pairs:
    """Return pairs whose thumbnails correlate after a small registration.

    The registration undoes a small rotation, shift, stretch or crop. Neighbouring slices are
    similar too, and more so once registered, so `min_correlation` is stricter here. Measured
    with 500 altered copies of 2,289 known slices: copies that were rotated by 2° or had 3 % of
    their margins cropped reach 0.9993, two slices at most 0.9974; no two patients of the X-rays
    reach 0.987, of the LGG set 0.991.

    Args:
        frame: the manifest; two slices of one series or known patient are never compared.
        prints: fingerprints of its scans.
        known: pairs (i, j) with i < j already known as copies.
        min_correlation: correlation from which on a pair counts; None: no pair does.
    """
    if min_correlation is None:
        return as_pairs([])
    known_numbers = _pair_numbers(known, len(frame))
    found_numbers = [_pair_numbers(part, len(frame)) for part in tangent_pairs(prints.thumbnails)]
    new_numbers = np.setdiff1d(np.concatenate([known_numbers[:0], *found_numbers]), known_numbers)
    pairs = new_numbers // len(frame), new_numbers % len(frame)
    pairs = selected_pairs(pairs, comparable(frame, pairs))
    enough = registered_correlations(prints.thumbnails, pairs) >= min_correlation
    return pairs[0][enough], pairs[1][enough]


def _pair_numbers(pairs: Pairs, count: int) -> NDArray[np.int64]:
    """Return a unique number for each pair of `count` items."""
    return pairs[0] * count + pairs[1]
