"""Distances between outlines, against the definition spelt out pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from scanvote.metrics.surface_distances import distances, hausdorff_95, outline, surface_dice

DIAGONAL = float(np.hypot(6, 8))


def mask(*pixels: tuple[int, int]) -> np.ndarray:
    marked = np.zeros((6, 8), bool)
    for row, column in pixels:
        marked[row, column] = True
    return marked


def edge_pixels(marked: np.ndarray) -> np.ndarray:
    """By the definition: marked, and one of the four pixels beside it is not, or is not there."""
    height, width = marked.shape
    found = [
        (row, column)
        for row, column in np.argwhere(marked)
        if any(
            not (0 <= r < height and 0 <= c < width and marked[r, c])
            for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
        )
    ]
    return np.array(found, float).reshape(-1, 2)


@given(st.integers(0, 2**31), st.floats(0.3, 3), st.floats(0.3, 3))
@settings(max_examples=60, deadline=None)
def test_random_masks_against_every_pair_of_pixels(seed: int, down: float, across: float) -> None:
    random = np.random.default_rng(seed)
    one, other = random.random((2, 9, 11)) < random.uniform(0.05, 0.95, (2, 1, 1))
    if not (one.any() and other.any()):
        return
    table = cdist(edge_pixels(one) * (down, across), edge_pixels(other) * (down, across))
    there, back = distances(one, other, (down, across))
    np.testing.assert_allclose(np.sort(there), np.sort(table.min(axis=1)))
    np.testing.assert_allclose(np.sort(back), np.sort(table.min(axis=0)))
    wanted = max(np.percentile(table.min(axis=1), 95), np.percentile(table.min(axis=0), 95))
    assert hausdorff_95(there, back) == pytest.approx(wanted)
    near = (table.min(axis=1) <= 1.5).sum() + (table.min(axis=0) <= 1.5).sum()
    assert surface_dice(there, back, 1.5) == pytest.approx(near / sum(table.shape))


@pytest.mark.parametrize(
    ("one", "other", "hd95", "shared"),
    [
        pytest.param(mask(), mask(), 0, 1, id="both empty"),
        pytest.param(mask((2, 2)), mask(), DIAGONAL, 0, id="only the truth empty"),
        pytest.param(mask(), mask((2, 2)), DIAGONAL, 0, id="only the prediction empty"),
        pytest.param(mask((2, 2)), mask((2, 2)), 0, 1, id="the same pixel"),
        pytest.param(mask((0, 0)), mask((0, 1)), 1, 1, id="beside each other in a corner"),
        pytest.param(mask((0, 0)), mask((3, 4)), 5, 0, id="3 down and 4 across"),
        pytest.param(np.ones((6, 8), bool), np.ones((6, 8), bool), 0, 1, id="all of the image"),
    ],
)
def test_edge_cases(one: np.ndarray, other: np.ndarray, hd95: float, shared: float) -> None:
    there, back = distances(one, other, (1, 1))
    assert hausdorff_95(there, back) == pytest.approx(hd95)
    assert surface_dice(there, back, tolerance=1.0) == shared


def test_the_border_of_the_image_is_an_outline() -> None:
    whole = np.ones((5, 5), bool)
    assert outline(whole).sum() == 16
    assert not outline(whole)[1:-1, 1:-1].any()


def test_a_distance_is_in_the_unit_of_the_spacing() -> None:
    there, _ = distances(mask((1, 1)), mask((3, 1)), (0.5, 2))
    assert there.tolist() == [1.0]
    there, _ = distances(mask((1, 1)), mask((1, 3)), (0.5, 2))
    assert there.tolist() == [4.0]


def test_one_pixel_far_off_does_not_move_the_95th_percentile() -> None:
    square = np.zeros((40, 40), bool)
    square[10:30, 10:30] = True
    stray = square.copy()
    stray[0, 0] = True
    assert hausdorff_95(*distances(stray, square, (1, 1))) == 0
