"""Pairs and clusters, against the plain way to compute them."""

import numpy as np
import pytest

from scanvote.pipeline.deduplicate import pairs
from scanvote.pipeline.deduplicate.hamming import Pairs
from scanvote.pipeline.deduplicate.pairs import (
    as_pairs,
    component_members,
    connected_components,
    correlated,
    correlations,
    equal_pairs,
    similar_pairs,
)


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(*(side.tolist() for side in pairs), strict=True))


@pytest.fixture(autouse=True, params=[4, 1024])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "BLOCK", request.param)


@pytest.fixture
def thumbnails() -> np.ndarray:
    """Noise; 3 is a brighter 0 with less contrast, 7 nearly 5, 8 and 9 are constant."""
    values = np.random.default_rng(0).integers(0, 256, (11, 64, 64)).astype(float)
    values[3] = values[0] * 0.5 + 90
    values[7] = values[5] + np.random.default_rng(1).normal(0, 8, (64, 64))
    values[8], values[9] = 0, 17
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def smooth(count: int) -> np.ndarray:
    """Blobs that share much: pairs of them correlate from 0 to nearly 1."""
    rng = np.random.default_rng(2)
    own = rng.uniform(0, 0.8, (count, 1, 1)) * rng.random((count, 8, 8))
    few = rng.random((5, 8, 8))[rng.integers(0, 5, count)] + own
    large = np.kron(few, np.ones((8, 8))) + 0.1 * rng.random((count, 64, 64))
    return (large * 150).clip(0, 255).astype(np.uint8)


def test_correlation_ignores_brightness_and_contrast(thumbnails: np.ndarray) -> None:
    values = correlations(thumbnails, as_pairs([(0, 3), (5, 7), (0, 1), (2, 2)]))
    assert values[0] == pytest.approx(1, abs=1e-4)
    assert values[3] == 1
    assert values[1] == pytest.approx(np.corrcoef(thumbnails[[5, 7]].reshape(2, -1))[0, 1])
    assert abs(values[2]) < 0.1


def test_a_constant_image_correlates_with_nothing(thumbnails: np.ndarray) -> None:
    values = correlations(thumbnails, as_pairs([(8, 9), (0, 8), (9, 10)]))
    np.testing.assert_array_equal(values, 0)


def test_only_pairs_that_correlate_are_confirmed(thumbnails: np.ndarray) -> None:
    pairs, values = correlated(
        thumbnails, [as_pairs([(0, 1), (0, 3)]), as_pairs([]), as_pairs([(8, 9), (5, 7)])], 0.98
    )
    assert listed(pairs) == [(0, 3), (5, 7)]
    np.testing.assert_array_equal(values, correlations(thumbnails, pairs))


def test_similar_pairs_are_found_without_a_shortlist(thumbnails: np.ndarray) -> None:
    pairs, values = similar_pairs(thumbnails, 0.98)
    assert listed(pairs) == [(0, 3), (5, 7)]
    assert (values >= 0.98).all()


@pytest.mark.parametrize("least", [0.3, 0.8, 0.9, 0.97])
def test_no_similar_pair_is_missed(least: float) -> None:
    images = smooth(60)
    r = np.corrcoef(images.reshape(60, -1).astype(float))
    expected = np.argwhere(np.triu(r >= least, 1))
    assert len(expected)
    pairs, values = similar_pairs(images, least)
    assert listed(pairs) == [tuple(pair) for pair in expected.tolist()]
    np.testing.assert_allclose(values, r[pairs])


def test_pairs_that_are_not_asked_about_are_left_out() -> None:
    images = smooth(60)
    asked = np.random.default_rng(3).random(60) < 0.3
    wanted = [(i, j) for i, j in listed(similar_pairs(images, 0.8)[0]) if asked[i] or asked[j]]
    assert wanted
    assert listed(similar_pairs(images, 0.8, asked)[0]) == wanted
    assert listed(similar_pairs(images, 0.8, np.zeros(60, bool))[0]) == []


def test_nothing_has_no_pairs() -> None:
    assert listed(similar_pairs(np.empty((0, 64, 64), np.uint8), 0.9)[0]) == []
    assert listed(correlated(np.empty((0, 64, 64), np.uint8), [], 0.9)[0]) == []
    assert component_members(connected_components(0, as_pairs([]))) == []


def test_equal_values_pair_with_the_first() -> None:
    assert listed(equal_pairs(["a", "b", "a", "c", "b", "a"])) == [(0, 2), (1, 4), (0, 5)]


def test_pairs_chain_to_clusters_in_order() -> None:
    component = connected_components(8, as_pairs([(5, 6), (1, 4), (0, 6), (4, 7)]))
    assert component.tolist() == [0, 1, 2, 3, 1, 0, 0, 1]
    assert component_members(component) == [[0, 5, 6], [1, 4, 7]]
