import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.images import augment
from scanvote.params import AugmentParams
from scanvote.training.batches import Batches, Change

BOUNDS = {
    "rotation": 0.0,
    "shift": 0.0,
    "shear": 0.0,
    "zoom": 0.0,
    "flip": "none",
    "brightness": 0.0,
    "contrast": 0.0,
    "gamma": 0.0,
    "per_channel": False,
    "missing": 0.0,
    "stand_in": 1,
}
CHANGES = {
    "rotation": 40.0,
    "shift": 0.2,
    "shear": 20.0,
    "zoom": 0.3,
    "flip": "both",
    "brightness": 0.3,
    "contrast": 0.4,
    "gamma": 0.4,
}


def _bounds(*names):
    return AugmentParams(**{**BOUNDS, **{name: CHANGES[name] for name in names}})


def _marked(count, channels=1, side=32):
    """Black slices with a white square, whose mask it is."""
    random = np.random.default_rng(1)
    masks = np.zeros((count, side, side, 1), "uint8")
    for mask in masks:
        top, left = random.integers(6, side - 16, 2)
        mask[top : top + 10, left : left + 8] = 1
    return np.repeat(200 * masks, channels, axis=-1), masks


@given(st.integers(1, 2**31), st.sets(st.sampled_from(sorted(CHANGES)), min_size=1))
@settings(max_examples=40, deadline=None)
def test_a_mask_moves_with_its_slice_under_every_change(seed, names):
    images, masks = _marked(6)
    batches = Batches(images, 6, masks, change=Change(_bounds(*names)))
    batches.start_epoch(seed)
    moved, targets = batches[0]
    assert targets.shape == masks.shape
    assert targets.dtype == masks.dtype
    assert set(np.unique(targets)) <= {0, 1}
    bright = moved > moved.max(axis=(1, 2, 3), keepdims=True) / 2
    wrong = (bright != (targets > 0)).sum(axis=(1, 2, 3))
    # the mask takes the nearest pixel, the slice lies between pixels: they part at the rim
    assert (wrong <= 0.35 * (targets > 0).sum(axis=(1, 2, 3)) + 4).all()


def test_the_slices_of_a_stack_move_together():
    images, masks = _marked(4, channels=9)
    batches = Batches(images, 4, masks, change=Change(_bounds("rotation", "shift", "gamma")))
    batches.start_epoch(3)
    moved, _ = batches[0]
    assert moved.shape == images.shape
    assert (moved == moved[..., :1]).all()
    assert (moved != images[batches.order]).any()


def test_a_stack_of_more_channels_than_opencv_takes_is_moved_as_each_alone():
    images = np.random.default_rng(1).integers(0, 256, (16, 16, 9), "uint8")
    bounds = _bounds("rotation", "zoom")
    whole, _ = augment.augment(images, None, bounds, np.random.default_rng(5))
    each = [
        augment.augment(images[..., at : at + 1], None, bounds, np.random.default_rng(5))[0]
        for at in range(9)
    ]
    assert np.array_equal(whole, np.concatenate(each, axis=-1))


def test_an_epoch_has_the_rows_that_were_drawn():
    images, masks = _marked(10)
    batches = Batches(images, 3, masks, draw=lambda random: random.choice(10, 5, replace=False))
    seen = []
    for seed in (1, 2, 1):
        batches.start_epoch(seed)
        assert len(batches) == 2
        assert sum(len(batches[at][0]) for at in range(len(batches))) == 5
        seen.append(batches.order.tolist())
    assert seen[0] == seen[2] != seen[1]


def test_targets_that_are_no_masks_stay():
    images, _ = _marked(4)
    labels = np.eye(4, dtype="float32")
    batches = Batches(images, 4, labels, change=Change(_bounds("rotation")))
    batches.start_epoch(1)
    assert np.array_equal(batches[0][1], labels[batches.order])


@pytest.mark.parametrize("name", ["contrast", "gamma"])
def test_an_intensity_change_moves_no_pixel_and_keeps_the_order_of_the_shades(name):
    image = np.random.default_rng(1).integers(0, 256, (16, 16, 1), "uint8")
    changed, _ = augment.augment(image, None, _bounds(name), np.random.default_rng(2))
    assert (changed != image).any()
    order = np.argsort(image.ravel(), kind="stable")
    assert (np.diff(changed.ravel()[order].astype(int)) >= 0).all()
