import numpy as np
import pytest
from scipy import ndimage

from scanvote.models.postprocess import Postprocess, candidates, choose
from scanvote.params import PostprocessParams


def _plain(**changes):
    way = {"threshold": 0.5, "smallest": 0, "largest_only": False, "fill_holes": False}
    return Postprocess(**{**way, **changes})


@pytest.fixture
def probabilities():
    """A ring of 12 pixels around a hole, a square of 4, a single pixel; all at 0.8."""
    found = np.zeros((12, 12), "float32")
    found[1:5, 1:5] = 0.8
    found[2:4, 2:4] = 0.1
    found[8:10, 8:10] = 0.8
    found[0, 11] = 0.8
    return found


@pytest.mark.parametrize(
    ("changes", "pixels"),
    [
        ({}, 17),
        ({"threshold": 0.9}, 0),
        ({"smallest": 2}, 16),
        ({"smallest": 4}, 16),
        ({"smallest": 5}, 12),
        ({"smallest": 13}, 0),
        ({"largest_only": True}, 12),
        ({"fill_holes": True}, 21),
        ({"fill_holes": True, "smallest": 13}, 16),
        ({"largest_only": True, "smallest": 13}, 0),
    ],
)
def test_what_is_left_of_a_mask(probabilities, changes, pixels):
    mask = _plain(**changes)(probabilities)
    assert mask.dtype == bool
    assert mask.sum() == pixels


def test_holes_are_those_of_scipy():
    draw = np.random.default_rng(0)
    filled = 0
    for _ in range(200):
        mask = draw.random(draw.integers(1, 30, 2)) < draw.random()
        found = _plain(fill_holes=True)(mask.astype("float32"))
        np.testing.assert_array_equal(found, ndimage.binary_fill_holes(mask))
        filled += int((found != mask).any())
    assert filled > 50


def test_nothing_is_found_in_an_empty_slice():
    empty = np.zeros((5, 5), "float32")
    assert not _plain(largest_only=True, smallest=3, fill_holes=True)(empty).any()


def test_every_combination_is_a_candidate():
    params = PostprocessParams.model_validate(
        {"threshold": [0.4, 0.6], "smallest": 0, "largest_only": [True, False], "fill_holes": True}
    )
    found = candidates(params)
    assert len(found) == 4
    assert found[0] == Postprocess(0.4, 0, True, True)


def test_the_best_for_the_patients_is_chosen_and_of_equals_the_first(probabilities):
    truth = (probabilities > 0.5).astype("uint8")
    truth[0, 11] = 0
    ways = [_plain(), _plain(smallest=3), _plain(smallest=4), _plain(threshold=0.9)]
    best, table = choose([probabilities] * 2, [truth] * 2, ["a", "b"], ways)
    assert best is ways[1]
    assert table["dice"].tolist() == [pytest.approx(32 / 33, abs=1e-6), 1, 1, 0]


def test_a_patient_with_many_slices_weighs_as_one(probabilities):
    truth = (probabilities > 0.5).astype("uint8")
    empty = np.zeros_like(truth)
    ways = [_plain(), _plain(threshold=0.9)]
    slices = [probabilities, *[probabilities] * 3]
    _, table = choose(slices, [truth, *[empty] * 3], ["a", "b", "b", "b"], ways)
    assert table["dice"].tolist() == [0.5, 0.5]
