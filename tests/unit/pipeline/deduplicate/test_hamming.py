"""Near hashes, against comparing all with all."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.pipeline.deduplicate import hamming
from scanvote.pipeline.deduplicate.hamming import pairs_within

hashes64 = st.integers(0, 2**64 - 1)


def found(hashes: np.ndarray, distance: int, threads: int = 2) -> list[tuple[int, int]]:
    parts = pairs_within(hashes, distance, threads)
    return sorted((int(i), int(j)) for part in parts for i, j in zip(*part, strict=True))


def all_with_all(hashes: np.ndarray, distance: int) -> list[tuple[int, int]]:
    both = combinations(range(len(hashes)), 2)
    return [(i, j) for i, j in both if int(hashes[i] ^ hashes[j]).bit_count() <= distance]


def clustered(count: int) -> np.ndarray:
    """Few originals and copies of them with bits turned over, as of real scans."""
    rng = np.random.default_rng(0)
    turned = np.packbits(rng.random((count, 64)) < rng.uniform(0, 0.3, (count, 1)), axis=1)
    originals = rng.integers(0, 2**64, 7, dtype=np.uint64)
    return originals[rng.integers(0, 7, count)] ^ turned.view(np.uint64)[:, 0]


@pytest.fixture(params=[(96, (64, 4096)), (3, (2, 5))], ids=["sparse", "full"])
def buckets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamming, "FULL", request.param[0])
    monkeypatch.setattr(hamming, "TILE", request.param[1])


@pytest.mark.parametrize("distance", [0, 1, 4, 10, 12, 13, 40, 63, 64])
@pytest.mark.usefixtures("buckets")
def test_every_near_pair_is_found_once(distance: int) -> None:
    hashes = clustered(150)
    expected = all_with_all(hashes, distance)
    assert expected or distance == 0
    assert found(hashes, distance) == expected


@given(
    st.lists(hashes64, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), hashes64, hashes64, hashes64), max_size=12),
    st.integers(0, 16),
)
def test_hashes_with_few_bits_turned_over(
    some: list[int], copies: list[tuple[int, int, int, int]], distance: int
) -> None:
    # the meet of three random words has about 8 bits of 64
    copied = [some[at % len(some)] ^ (a & b & c) for at, a, b, c in copies if some]
    hashes = np.array(some + copied, np.uint64)
    assert found(hashes, distance) == all_with_all(hashes, distance)


def test_the_threads_change_nothing_not_even_the_order() -> None:
    hashes = clustered(400)
    one, five = (list(pairs_within(hashes, 10, threads)) for threads in (1, 5))
    assert len(one) == len(five)
    for part, other in zip(one, five, strict=True):
        np.testing.assert_array_equal(part, other)


def test_equal_hashes_are_near() -> None:
    assert found(np.full(200, 7, np.uint64), 0) == list(combinations(range(200), 2))


def test_none_and_one_have_no_pairs() -> None:
    for count in (0, 1):
        for distance in (0, 10, 64):
            assert found(np.zeros(count, np.uint64), distance) == []
