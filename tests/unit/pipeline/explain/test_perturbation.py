"""What is hidden, and what the change of the evidence says."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanvote.pipeline.explain.lime import hide_superpixels, linear_weights, superpixels
from scanvote.pipeline.explain.occlusion import occlude, windows
from scanvote.pipeline.explain.perturbation import blurred, class_log_odds, perturb

sides = st.integers(1, 30)


@given(sides, sides, sides)
def test_windows_cover_every_pixel_alike_but_at_the_border(
    height: int, width: int, side: int
) -> None:
    hidden = windows((height, width), side)
    cover = hidden.sum(axis=0)
    assert cover.min() >= 1
    assert all(one.any() and one.sum() <= side**2 for one in hidden)


@given(st.integers(3, 20), st.integers(1, 8), st.integers(0, 2**16))
def test_occlusion_is_blank_where_no_window_counts(length: int, side: int, seed: int) -> None:
    hiding = occlude((length, length), side)
    row, column = np.random.default_rng(seed).integers(length, size=2)
    lost = hiding.hidden[:, row, column].astype(float)
    heat = hiding.attribute(3 - lost, 3.0)
    assert np.isclose(heat[row, column], 1)
    assert heat.max() <= 1 + 1e-9
    reached = hiding.hidden[lost > 0].any(axis=0)
    assert not heat[~reached].any()


def test_what_is_won_by_hiding_is_no_evidence() -> None:
    hiding = occlude((6, 6), 2)
    assert not hiding.attribute(np.full(len(hiding.hidden), 5.0), 1.0).any()


def test_superpixels_are_numbered_without_a_gap_and_follow_the_image() -> None:
    image = np.zeros((40, 40, 1), np.uint8)
    image[:, 23:] = 200
    parts = superpixels(image, 16)
    assert np.array_equal(np.unique(parts), np.arange(parts.max() + 1))
    assert not set(parts[:, :22].ravel()) & set(parts[:, 24:].ravel())


@given(st.integers(0, 2**16))
def test_noise_is_cut_into_about_as_many_superpixels_as_are_wanted(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    assert 12 <= superpixels(noise, 16).max() + 1 <= 20


def test_a_blank_image_has_superpixels_too() -> None:
    assert superpixels(np.zeros((9, 9, 3), np.uint8), 4).shape == (9, 9)


@given(st.integers(2, 6), st.integers(0, 2**16))
def test_the_linear_model_finds_linear_weights(parts: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    kept = random.random((4000, parts)) < 0.5
    true = random.normal(size=parts)
    found = linear_weights(kept, kept @ true + 3)
    assert np.allclose(found, true, atol=0.05 * np.abs(true).max())


def test_a_superpixels_weight_is_spread_over_its_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 1)).astype(np.uint8)
    hiding = hide_superpixels(image, 6, 2000, np.random.default_rng(0))
    corner = superpixels(image, 6) == superpixels(image, 6)[0, 0]
    assert 0 < corner.sum() < corner.size / 2
    heat = hiding.attribute(np.where(hiding.hidden[:, 0, 0], 1.0, 3.0), 3.0)
    assert np.isclose(heat[corner].sum(), 2, atol=0.05)
    assert np.ptp(heat[corner]) == 0
    assert heat[~corner].sum() < 0.1


@given(st.integers(0, 2**16))
def test_only_what_is_hidden_changes(seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (7, 9, 3)).astype(np.uint8)
    hidden = random.random((4, 7, 9)) < 0.5
    neutral = blurred(image, 2.0)
    shown = perturb(image, neutral, hidden)
    assert shown.dtype == np.uint8
    for one, where in zip(shown, hidden, strict=True):
        assert np.array_equal(one[~where], image[~where])
        assert np.array_equal(one[where], neutral[where])


def test_black_stays_black_behind_the_blur() -> None:
    image = np.zeros((30, 30, 1), np.uint8)
    image[10:20, 10:20] = 200
    assert not blurred(image, 2.0)[:2].any()
    assert blurred(image, 2.0)[10, 10] < 200


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_probable_is_more_evidence_and_both_ends_are_finite(low: float, high: float) -> None:
    low, high = sorted((low, high))
    table = np.array([[low, 1 - low], [high, 1 - high]])
    found = class_log_odds(table, 0)
    assert np.isfinite(found).all()
    assert found[0] <= found[1]
    assert np.allclose(class_log_odds(table, 1), -found, atol=1e-3)
