import numpy as np
import pytest

from scanvote.training.adjacent_slices import AdjacentSlices, adjacent_rows


def test_the_slices_beside_are_of_the_same_stack_and_the_last_one_repeats():
    near = adjacent_rows(["a", "b", "a", "a", "b"], range(5), context=1)
    assert near.tolist() == [[0, 0, 2], [1, 1, 4], [0, 2, 3], [2, 3, 3], [1, 4, 4]]


def test_what_lies_beside_is_told_by_the_places_and_not_by_the_rows():
    assert adjacent_rows(["a"] * 3, [7, 2, 4], context=1).tolist() == [
        [2, 0, 0],
        [1, 1, 2],
        [1, 2, 0],
    ]


def test_without_context_each_stands_alone():
    assert adjacent_rows(["a", "a", "b"], range(3), context=0).tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("context", [0, 1, 2])
def test_reads_like_an_array_with_the_slices_as_channels(context):
    images = np.random.default_rng(1).integers(0, 256, (7, 4, 5, 3), "uint8")
    near = adjacent_rows(["a"] * 7, range(7), context)
    stacked = AdjacentSlices(images, near)
    assert stacked.shape == (7, 4, 5, 3 * (2 * context + 1))
    assert len(stacked) == 7
    whole = np.stack([np.concatenate([images[at] for at in rows], axis=-1) for rows in near])
    assert np.array_equal(stacked[np.arange(7)], whole)
    assert np.array_equal(stacked[4], whole[4])


def test_some_rows_of_the_images_are_a_set_of_their_own():
    images = np.arange(6, dtype="uint8").reshape(6, 1, 1, 1)
    some = AdjacentSlices(images, adjacent_rows(["a"] * 6, range(6), 1)[[1, 4]])
    assert len(some) == 2
    assert some[np.array([1, 0])].reshape(2, 3).tolist() == [[3, 4, 5], [0, 1, 2]]
