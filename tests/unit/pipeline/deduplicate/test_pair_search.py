"""The rule on fingerprints: what counts as it is, and what counts once aligned."""

import numpy as np
import pandas as pd

from scanvote.params import DeduplicateParams
from scanvote.pipeline.deduplicate.fingerprints import Fingerprints, perceptual_hashes, thumbnail
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.pair_search import pairs_by_correlation, pairs_by_registration
from scanvote.pipeline.deduplicate.pairs import as_pairs
from tests.heads import head, turned

PARAMS = DeduplicateParams(shortlist=10, correlation=0.98, aligned=0.998, relatives=0.9)


IMAGES = [head(0), head(1), head(0)[4:-4, 4:-4], turned(head(1), 2)[3:-5, 5:-3], head(0)[::2, ::2]]


def prints() -> Fingerprints:
    small = np.stack([thumbnail(image) for image in IMAGES])
    return Fingerprints(perceptual_hashes(small), small, small)


def series(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"series": names or [""] * len(IMAGES), "patient": ""})


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(*(side.tolist() for side in pairs), strict=True))


def test_a_smaller_copy_counts_as_it_is() -> None:
    assert listed(pairs_by_correlation(prints(), PARAMS)) == [(0, 4)]


def test_cut_and_turned_copies_count_once_aligned() -> None:
    found = pairs_by_registration(series(), prints(), as_pairs([(0, 4)]), 0.998)
    assert listed(found) == [(0, 2), (1, 3), (2, 4)]


def test_known_pairs_and_pairs_of_one_series_are_left_out() -> None:
    names = series("s", "t", "s", "", "")
    found = pairs_by_registration(names, prints(), as_pairs([(0, 4), (2, 4)]), 0.998)
    assert listed(found) == [(1, 3)]


def test_pairs_of_one_known_patient_are_left_out() -> None:
    frame = series().assign(patient=["p", "q", "p", "", ""])
    found = pairs_by_registration(frame, prints(), as_pairs([(0, 4), (2, 4)]), 0.998)
    assert listed(found) == [(1, 3)]


def test_a_stricter_rule_counts_none_and_no_rule_looks_for_none() -> None:
    assert listed(pairs_by_registration(series(), prints(), as_pairs([]), 0.99999)) == []
    assert listed(pairs_by_registration(series(), prints(), as_pairs([]), None)) == []
