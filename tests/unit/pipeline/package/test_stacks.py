"""The input of a network that sees a slice and those beside it."""

import numpy as np

from scanvote.pipeline.package.stacks import copied_windows, stack_slices

SLICES = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 2)).astype(np.uint8)


def test_the_slices_of_a_window_are_channels_one_behind_the_other() -> None:
    stacks = stack_slices(SLICES, np.array([[0, 0, 1], [2, 3, 4]]))
    assert (stacks.shape, stacks.dtype) == ((2, 4, 3, 6), np.uint8)
    for at, row in enumerate([2, 3, 4]):
        np.testing.assert_array_equal(stacks[1, ..., 2 * at : 2 * at + 2], SLICES[row])
    assert stack_slices(SLICES[:0], copied_windows(0, 1)).shape == (0, 4, 3, 6)


def test_copies_of_a_slice_stand_in_for_those_that_are_unknown() -> None:
    assert copied_windows(2, 1).tolist() == [[0, 0, 0], [1, 1, 1]]
    np.testing.assert_array_equal(stack_slices(SLICES, copied_windows(5, 0)), SLICES)
