"""How what was found is held against what was planted."""

from pathlib import Path

import pandas as pd
import pytest

from scanvote.pipeline.deduplicate.clusters import Cluster, find_clusters, mark_duplicates
from scanvote.pipeline.deduplicate.pairs import as_pairs
from scanvote.pipeline.deduplicate.phantom_recall import duplicate_recall, planted_copies
from tests.manifests import manifest

PLANTED = pd.DataFrame(
    [("byte_copy", 2, 0, True), ("resized", 3, 1, True)],
    columns=["kind", "row", "original", "expected"],
)


def figures(frame: pd.DataFrame, found: list[Cluster]) -> dict[str, int | float]:
    return duplicate_recall(mark_duplicates(frame, found), found, PLANTED)


def test_all_planted_copies_found() -> None:
    frame = manifest(5)
    assert figures(frame, find_clusters(frame, as_pairs([(0, 2), (1, 3)]))) == {
        "recall": 1,
        "recall_same_side": 1,
        "precision": 1,
        "recall_byte_copy": 1,
        "recall_same_side_byte_copy": 1,
        "recall_resized": 1,
        "recall_same_side_resized": 1,
    }


def test_one_missed_and_one_that_was_not_planted() -> None:
    frame = manifest(5)
    told = figures(frame, find_clusters(frame, as_pairs([(0, 2), (1, 4)])))
    assert (told["recall"], told["precision"]) == (0.5, 0.5)
    assert (told["recall_byte_copy"], told["recall_resized"]) == (1, 0)
    assert told["recall_same_side_resized"] == 0


def test_a_copy_that_is_missed_may_still_be_a_relative() -> None:
    told = figures(manifest(5, relatives=["", "b", "", "b", ""]), [])
    assert (told["recall_resized"], told["recall_same_side_resized"]) == (0, 1)
    assert told["recall_same_side"] == 0.5


def test_relatives_keep_a_copy_beside_its_original_through_others() -> None:
    # the copy d is a relative of e, another slice of the original's patient
    frame = manifest(5, relatives=["", "", "", "d", "d"], patient=["", "p", "", "", "p"])
    assert figures(frame, [])["recall_same_side_resized"] == 1


def test_nothing_found_of_something_planted() -> None:
    told = figures(manifest(5), [])
    assert (told["recall"], told["recall_same_side"], told["precision"]) == (0, 0, 1)


def test_nothing_planted_has_no_figures(tmp_path: Path) -> None:
    frame = mark_duplicates(manifest(2), [])
    assert duplicate_recall(frame, [], planted_copies(tmp_path, frame)) == {}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/truth.csv").write_text("")
    (tmp_path / "set/planted.csv").write_text(
        "path,kind,original\nc.png,byte_copy,a.png\nd.png,resized,b.png\n"
        "gone.png,rotated,a.png\na.png,black_border,a.png\n"
    )
    return tmp_path


def test_planted_paths_are_those_below_the_folder_of_the_set(raw: Path) -> None:
    pd.testing.assert_frame_equal(planted_copies(raw, manifest(5)), PLANTED)


def test_what_known_patients_tell_apart_has_not_to_be_found(raw: Path) -> None:
    # c is a copy of a by its bytes; d, altered, is a neighbour of b or of another patient
    frame = manifest(5, sha256=["1", "2", "1", "4", "5"], patient=["p", "q", "p", "q", "r"])
    planted = planted_copies(raw, frame)
    assert planted["expected"].tolist() == [True, False]
    other = planted_copies(raw, frame.assign(patient=["p", "q", "p", "s", "r"]))
    assert other["expected"].tolist() == [True, False]
    found = find_clusters(frame, as_pairs([(0, 2)]))
    told = duplicate_recall(mark_duplicates(frame, found), found, planted)
    assert (told["recall"], told["recall_same_side"], told["recall_same_side_resized"]) == (1, 1, 1)
    assert "recall_resized" not in told


def test_a_file_of_that_name_in_own_data_is_a_coincidence(raw: Path) -> None:
    (raw / "set/truth.csv").unlink()
    (raw / "set/planted.csv").write_text("tree,year\noak,1999\n")
    assert planted_copies(raw, manifest(5)).empty
