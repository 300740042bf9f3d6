"""Pairs and clusters, against the plain way to compute them."""

from itertools import combinations

import numpy as np
import pytest

from scanvote.images import duplicates
from scanvote.images.duplicates import (
    as_pairs,
    clusters,
    correlated,
    correlations,
    equal_pairs,
    members,
    near_pairs,
    similar_pairs,
)


def listed(pairs: duplicates.Pairs) -> list[tuple[int, int]]:
    return list(zip(*(side.tolist() for side in pairs), strict=True))


@pytest.fixture(autouse=True, params=[4, 1024])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "BLOCK", request.param)


@pytest.fixture
def thumbnails() -> np.ndarray:
    """Noise; 3 is a brighter 0 with less contrast, 7 nearly 5, 8 and 9 are constant."""
    values = np.random.default_rng(0).random((11, 64, 64)).astype(np.float32) * 255
    values[3] = values[0] * 0.5 + 90
    values[7] = values[5] + np.random.default_rng(1).normal(0, 8, (64, 64))
    values[8], values[9] = 0, 17.3
    return values


@pytest.mark.parametrize("distance", [0, 3, 64])
def test_near_pairs_differ_in_few_bits(distance: int) -> None:
    hashes = np.random.default_rng(0).integers(0, 16, 20).astype(np.uint64)
    hashes[3] |= np.uint64(1 << 63)
    expected = [
        (i, j)
        for i, j in combinations(range(20), 2)
        if int(hashes[i] ^ hashes[j]).bit_count() <= distance
    ]
    assert listed(near_pairs(hashes, distance)) == expected


def test_correlation_ignores_brightness_and_contrast(thumbnails: np.ndarray) -> None:
    values = correlations(thumbnails, as_pairs([(0, 3), (5, 7), (0, 1)]))
    assert values[0] == pytest.approx(1)
    assert values[1] == pytest.approx(np.corrcoef(thumbnails[[5, 7]].reshape(2, -1))[0, 1])
    assert abs(values[2]) < 0.1


def test_a_constant_image_correlates_with_nothing(thumbnails: np.ndarray) -> None:
    values = correlations(thumbnails, as_pairs([(8, 9), (0, 8), (9, 10)]))
    np.testing.assert_array_equal(values, 0)


def test_only_pairs_that_correlate_are_confirmed(thumbnails: np.ndarray) -> None:
    pairs, values = correlated(thumbnails, as_pairs([(0, 1), (0, 3), (8, 9)]), 0.98)
    assert listed(pairs) == [(0, 3)]
    assert values == pytest.approx([1])


def test_similar_pairs_are_found_without_a_shortlist(thumbnails: np.ndarray) -> None:
    pairs, values = similar_pairs(thumbnails, 0.98)
    assert listed(pairs) == [(0, 3), (5, 7)]
    assert (values >= 0.98).all()


def test_nothing_has_no_pairs() -> None:
    assert listed(near_pairs(np.empty(0, np.uint64), 10)) == []
    assert listed(similar_pairs(np.empty((0, 64, 64), np.float32), 0.9)[0]) == []
    assert members(clusters(0, as_pairs([]))) == []


def test_equal_values_pair_with_the_first() -> None:
    assert listed(equal_pairs(["a", "b", "a", "c", "b", "a"])) == [(0, 2), (1, 4), (0, 5)]


def test_pairs_chain_to_clusters_in_order() -> None:
    component = clusters(8, as_pairs([(5, 6), (1, 4), (0, 6), (4, 7)]))
    assert component.tolist() == [0, 1, 2, 3, 1, 0, 0, 1]
    assert members(component) == [[0, 5, 6], [1, 4, 7]]
