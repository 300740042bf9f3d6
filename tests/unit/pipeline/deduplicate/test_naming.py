"""Which similar scans may be of one person."""

import pandas as pd

from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.naming import (
    comparable,
    joined_pairs,
    naming_sets,
    of_two_patients,
)
from scanvote.pipeline.deduplicate.pairs import as_pairs
from tests.manifests import manifest

NONE = as_pairs([])


def people(*patients: object, **columns: list[object]) -> pd.DataFrame:
    sources: list[object] = [str(one).partition("/")[0] or "a" for one in patients]
    return manifest(len(patients), patient=list(patients), source=sources, **columns)


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(*(side.tolist() for side in pairs), strict=True))


def test_a_name_in_the_users_table_is_of_no_data_set() -> None:
    frame = manifest(3, patient=["a/1", "x/1", ""], source=["a", "b", "b"])
    assert naming_sets(frame) == ["a", "", ""]


def test_two_names_of_one_set_are_two_people_and_those_of_two_sets_may_be_one() -> None:
    frame = people("a/1", "a/2", "b/1", "", "a/1")
    pairs = as_pairs([(0, 1), (0, 2), (0, 3), (0, 4)])
    assert of_two_patients(frame, pairs).tolist() == [True, False, False, False]
    assert comparable(frame, pairs).tolist() == [True, True, True, False]


def test_a_given_name_differs_from_every_other() -> None:
    frame = manifest(3, patient=["P1", "P2", "a/1"], source=["a", "a", "a"])
    assert of_two_patients(frame, as_pairs([(0, 1), (0, 2)])).tolist() == [True, True]


def test_what_looks_alike_joins_no_two_known_patients() -> None:
    frame = people("a/1", "a/2", "b/1", "")
    assert listed(joined_pairs(frame, NONE, as_pairs([(0, 1)]))) == []
    assert listed(joined_pairs(frame, NONE, as_pairs([(0, 2), (0, 3)]))) == [(0, 2), (0, 3)]


def test_a_scan_of_nobody_goes_to_the_one_it_resembles_most() -> None:
    frame = people("a/1", "a/2", "")
    assert listed(joined_pairs(frame, NONE, as_pairs([(1, 2), (0, 2)]))) == [(1, 2)]
    assert listed(joined_pairs(frame, NONE, as_pairs([(0, 2), (1, 2)]))) == [(0, 2)]


def test_no_chain_of_scans_of_nobody_joins_two_patients() -> None:
    frame = people("a/1", "", "", "a/2")
    assert listed(joined_pairs(frame, NONE, as_pairs([(1, 2), (0, 1), (2, 3)]))) == [(1, 2), (0, 1)]


def test_neighbours_of_one_patient_are_not_joined_through_a_copy() -> None:
    frame = people("a/1", "a/1", "")
    assert listed(joined_pairs(frame, NONE, as_pairs([(0, 2), (1, 2)]))) == [(0, 2)]


def test_what_is_certain_joins_everybody() -> None:
    frame = people("a/1", "a/2", "")
    assert listed(joined_pairs(frame, as_pairs([(0, 1)]), as_pairs([(1, 2)]))) == [(0, 1), (1, 2)]
