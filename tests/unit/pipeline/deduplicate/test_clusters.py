"""Keepers, neighbours and conflicts, on manifests of a few rows."""

from scanvote.pipeline.deduplicate.clusters import Cluster, find_clusters, mark_duplicates
from scanvote.pipeline.deduplicate.pairs import as_pairs
from tests.manifests import manifest


def test_the_first_by_path_is_kept() -> None:
    frame = manifest(3, path=["c", "a", "b"])
    assert find_clusters(frame, as_pairs([(0, 1), (1, 2)])) == [Cluster(1, (0, 2), (), False)]


def test_the_largest_image_is_kept() -> None:
    frame = manifest(3, width=[64, 64, 128])
    assert find_clusters(frame, as_pairs([(0, 1), (1, 2)]))[0].representative == 2


def test_a_known_patient_is_kept_before_a_larger_image() -> None:
    frame = manifest(2, width=[128, 64], patient=["", "p"])
    assert find_clusters(frame, as_pairs([(0, 1)]))[0].representative == 1


def test_slices_of_one_series_are_neighbours_not_copies() -> None:
    frame = manifest(3, series=["s", "s", "s"])
    assert find_clusters(frame, as_pairs([(0, 1), (1, 2)])) == []


def test_scans_of_unknown_series_are_copies() -> None:
    assert len(find_clusters(manifest(2), as_pairs([(0, 1)]))) == 1


def test_a_copy_of_two_neighbours_does_not_make_them_copies() -> None:
    frame = manifest(3, series=["s", "s", ""])
    found = find_clusters(frame, as_pairs([(0, 1), (0, 2), (1, 2)]))
    assert found == [Cluster(0, (2,), (1,), False)]
    assert mark_duplicates(frame, found)["kept"].tolist() == [True, True, False]


def test_copies_name_their_keeper() -> None:
    frame = manifest(4)
    frame = mark_duplicates(frame, find_clusters(frame, as_pairs([(1, 2), (1, 3)])))
    assert frame["kept"].tolist() == [True, True, False, False]
    assert frame["duplicate_of"].tolist() == ["", "", "b", "b"]
    assert not frame["conflict"].any()


def test_two_labels_are_a_conflict_and_all_leave() -> None:
    frame = manifest(4, label=["glioma", "glioma", "pituitary", "glioma"])
    frame = mark_duplicates(frame, find_clusters(frame, as_pairs([(0, 1), (1, 2)])))
    assert frame["kept"].tolist() == [False, False, False, True]
    assert frame["conflict"].tolist() == [True, True, True, False]
