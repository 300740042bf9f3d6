"""Copies stay within their bounds, and a mask goes where its image goes."""

from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.images.augment import augment
from scanvote.params import AugmentParams

STILL = AugmentParams(
    rotation=0,
    shift=0,
    shear=0,
    zoom=0,
    flip="none",
    brightness=0,
    contrast=0,
    gamma=0,
    per_channel=False,
    missing=0,
    stand_in=1,
)
SEEDS = st.integers(0, 2**31)


def bounds(**changes: object) -> AugmentParams:
    return STILL.model_copy(update=changes)


def scan(height: int = 40, width: int = 52) -> tuple[np.ndarray, np.ndarray]:
    """An image (H, W, 1) whose white pixels are its mask: a shape without symmetry."""
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (22, 18), (10, 5), 30, 0, 360, 1, -1)
    mask[25:30, 20:24] = 1
    return (mask * 255)[..., None], mask


def noise(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize(
    "change",
    [
        {"rotation": 30.0},
        {"shift": 0.1},
        {"shear": 20.0},
        {"zoom": 0.2},
        {"flip": "both"},
        {"rotation": 30.0, "shift": 0.1, "shear": 10.0, "zoom": 0.2, "flip": "both"},
    ],
    ids=lambda change: "+".join(change),
)
@given(SEEDS)
@settings(max_examples=40)
def test_the_mask_moves_with_its_image(change: dict[str, object], seed: int) -> None:
    image, mask = scan()
    moved, moved_mask = augment(image, mask, bounds(**change), np.random.default_rng(seed))
    apart = (moved[..., 0] >= 128) != (moved_mask > 0)
    # only pixels that the outline crosses may differ, by the interpolation
    assert not (apart & ((moved[..., 0] < 32) | (moved[..., 0] > 223))).any()
    assert apart.sum() <= 0.15 * mask.sum()


def centre(shape: np.ndarray) -> np.ndarray:
    return (np.indices(shape.shape) * shape).sum(axis=(1, 2)) / shape.sum()


def test_the_mask_is_not_off_to_one_side() -> None:
    image, mask = scan()
    wild = bounds(rotation=20.0, shift=0.1, zoom=0.1)
    both = [augment(image, mask, wild, np.random.default_rng(seed)) for seed in range(60)]
    apart = [centre(moved[..., 0] / 255) - centre(moved_mask) for moved, moved_mask in both]
    np.testing.assert_allclose(np.mean(apart, axis=0), 0, atol=0.05)


@pytest.mark.parametrize(
    "change", [{"rotation": 30.0}, {"shift": 0.2}, {"shear": 25.0}, {"zoom": 0.3}]
)
def test_something_moves(change: dict[str, object]) -> None:
    image, mask = scan()
    moved, moved_mask = augment(image, mask, bounds(**change), np.random.default_rng(2))
    assert (moved != image).any()
    assert (moved_mask != mask).any()


@given(SEEDS, st.sampled_from([1, 3]))
@settings(max_examples=20)
def test_bounds_of_zero_give_the_scan_back(seed: int, channels: int) -> None:
    image, mask = noise(seed, (17, 23, channels)), noise(seed, (17, 23)) % 2
    same, same_mask = augment(image, mask, STILL, np.random.default_rng(seed))
    np.testing.assert_array_equal(same, image)
    np.testing.assert_array_equal(same_mask, mask)


@pytest.mark.parametrize(
    ("flip", "axes"), [("horizontal", {1}), ("vertical", {0}), ("both", {0, 1})]
)
def test_a_flip_is_an_exact_mirror_about_half_of_the_time(flip: str, axes: set[int]) -> None:
    image, mask = noise(3, (9, 14, 3)), noise(4, (9, 14)) % 2
    mirrored: Counter[tuple[int, ...]] = Counter()
    for seed in range(80):
        moved, moved_mask = augment(image, mask, bounds(flip=flip), np.random.default_rng(seed))
        made = [
            over for over in ((), (0,), (1,), (0, 1)) if np.array_equal(moved, np.flip(image, over))
        ]
        assert len(made) == 1, "neither the image nor a mirror of it"
        np.testing.assert_array_equal(moved_mask, np.flip(mask, made[0]))
        mirrored[made[0]] += 1
    for axis in (0, 1):
        times = sum(count for over, count in mirrored.items() if axis in over)
        assert (25 <= times <= 55) if axis in axes else times == 0


def lean(image: np.ndarray) -> float:
    """How far a bar leans out of the upright, as columns a row."""
    rows, columns = np.nonzero(image[..., 0] > 127)
    return float(np.polyfit(rows, columns, 1)[0])


@given(SEEDS)
@settings(max_examples=40)
def test_a_shear_leans_an_upright_bar_within_its_bound_and_keeps_rows(seed: int) -> None:
    image = np.zeros((61, 81, 1), np.uint8)
    image[15:46, 38:43] = 255
    moved, _ = augment(image, None, bounds(shear=20.0), np.random.default_rng(seed))
    assert abs(lean(moved)) <= np.tan(np.deg2rad(20)) + 0.02
    assert np.flatnonzero(moved.any(axis=(1, 2))).tolist() == list(range(15, 46))


def test_shears_lean_both_ways() -> None:
    image = np.zeros((61, 81, 1), np.uint8)
    image[15:46, 38:43] = 255
    leans = [
        lean(augment(image, None, bounds(shear=20.0), np.random.default_rng(seed))[0])
        for seed in range(20)
    ]
    assert min(leans) < -0.1
    assert max(leans) > 0.1


def test_a_bound_does_not_change_what_another_one_draws() -> None:
    image, mask = scan()
    for seed in range(8):
        alone, beside = (
            augment(image, mask, wild, np.random.default_rng(seed))[0]
            for wild in (bounds(brightness=0.3), bounds(brightness=0.3, shift=0.01, zoom=0.01))
        )
        assert alone.max() == beside.max(), "the exposure is another one"


@given(SEEDS)
@settings(max_examples=40)
def test_a_shift_stays_within_its_share_of_the_side(seed: int) -> None:
    _, mask = scan()
    image = np.zeros((40, 52, 1), np.uint8)
    image[20, 26] = 255
    moved, _ = augment(image, mask, bounds(shift=0.1), np.random.default_rng(seed))
    weights = moved[..., 0] / moved.sum()
    row, column = (weights * np.indices(weights.shape)).sum(axis=(1, 2))
    assert abs(row - 20) <= 0.1 * 40 + 0.1
    assert abs(column - 26) <= 0.1 * 52 + 0.1


@given(SEEDS)
@settings(max_examples=40)
def test_brightness_scales_the_image_and_leaves_the_mask(seed: int) -> None:
    image, mask = np.arange(256, dtype=np.uint8).reshape(16, 16, 1), noise(1, (16, 16)) % 2
    bright, same_mask = augment(image, mask, bounds(brightness=0.2), np.random.default_rng(seed))
    values = image.astype(float)
    assert (bright >= np.floor(values * 0.8)).all()
    assert (bright <= np.minimum(np.ceil(values * 1.2), 255)).all()
    assert (np.diff(bright.ravel().astype(int)) >= 0).all(), "too bright must not turn dark"
    np.testing.assert_array_equal(same_mask, mask)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("masked", [True, False])
def test_shapes_and_types_stay(channels: int, masked: bool) -> None:
    image, mask = noise(0, (20, 31, channels)), noise(1, (20, 31)) % 2
    wild = bounds(rotation=180.0, shift=0.5, shear=60.0, zoom=0.9, flip="both", brightness=0.9)
    for seed in range(10):
        random = np.random.default_rng(seed)
        moved, moved_mask = augment(image, mask if masked else None, wild, random)
        assert (moved.shape, moved.dtype) == (image.shape, np.uint8)
        if not masked:
            assert moved_mask is None
        else:
            assert moved_mask is not None
            assert (moved_mask.shape, moved_mask.dtype) == (mask.shape, np.uint8)
            assert set(np.unique(moved_mask)) <= {0, 1}


def test_what_moves_in_is_border_in_the_image_and_empty_in_the_mask() -> None:
    image, mask = np.full((30, 30, 1), 77, np.uint8), np.ones((30, 30), np.uint8)
    moved, moved_mask = augment(image, mask, bounds(shift=0.4), np.random.default_rng(0))
    assert (moved == 77).all()
    assert 0 < moved_mask.mean() < 1


def test_the_generator_decides() -> None:
    image, mask = scan()
    wild = bounds(rotation=20.0, shift=0.1, zoom=0.1, brightness=0.1)
    one, again, other = (
        augment(image, mask, wild, np.random.default_rng(seed))[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_the_mask_does_not_change_what_happens_to_the_image() -> None:
    image, mask = scan()
    wild = bounds(rotation=20.0, shift=0.1, flip="both")
    with_mask, without = (
        augment(image, given, wild, np.random.default_rng(7))[0] for given in (mask, None)
    )
    np.testing.assert_array_equal(with_mask, without)


@pytest.mark.parametrize("change", [{"brightness": 0.4}, {"contrast": 0.5}, {"gamma": 0.5}])
@pytest.mark.parametrize("slices", [1, 3])
def test_each_contrast_may_be_changed_by_itself_and_alike_in_all_slices(
    change: dict[str, float], slices: int
) -> None:
    image = np.repeat(noise(3, (20, 20, 1)), 3 * slices, axis=2)
    together, apart = (
        augment(image, None, bounds(**change, per_channel=one), np.random.default_rng(5))[0]
        for one in (False, True)
    )
    assert (together == together[..., :1]).all()
    assert len({apart[..., at].tobytes() for at in range(3)}) == 3
    np.testing.assert_array_equal(apart, np.tile(apart[..., :3], slices))


def test_of_other_numbers_of_channels_all_are_changed_alike() -> None:
    image = np.repeat(noise(3, (20, 20, 1)), 5, axis=2)
    how = bounds(gamma=0.5, per_channel=True)
    changed = augment(image, None, how, np.random.default_rng(5))[0]
    assert (changed == changed[..., :1]).all()
    assert (changed != image).any()


def test_missing_contrasts_are_replaced_by_the_one_that_is_always_there() -> None:
    image = noise(4, (20, 20, 6))
    ways = set()
    for seed in range(60):
        how = bounds(missing=0.8, stand_in=2)
        changed = augment(image, None, how, np.random.default_rng(seed))[0]
        taken = [
            next(at for at in range(6) if (changed[..., one] == image[..., at]).all())
            for one in range(6)
        ]
        assert taken[3:] == [3 + at for at in taken[:3]]
        ways.add(tuple(taken[:3]))
    assert ways == {(0, 1, 2), (2, 1, 2), (0, 2, 2), (2, 2, 2)}


def test_no_contrast_is_missing_where_there_is_only_one() -> None:
    image = noise(4, (20, 20, 1))
    how = bounds(missing=1.0)
    changed = augment(image, None, how, np.random.default_rng(1))[0]
    np.testing.assert_array_equal(changed, image)


def test_missing_contrasts_change_no_other_draw() -> None:
    image = noise(4, (20, 20, 3))
    wild = {"rotation": 20.0, "brightness": 0.3, "gamma": 0.3}
    without, with_missing = (
        augment(image, None, bounds(**wild, missing=share), np.random.default_rng(9))[0]
        for share in (0.0, 1.0)
    )
    np.testing.assert_array_equal(without[..., 1], with_missing[..., 1])
    assert (without[..., 0] != with_missing[..., 0]).any() or (
        without[..., 2] != with_missing[..., 2]
    ).any()
