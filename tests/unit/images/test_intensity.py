"""Grey values are comparable afterwards, whatever the scanner's scale was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.images.intensity import DEVIATION, MEAN, normalise, tissue_counts

WAYS = ["window", "standardise", "equalise"]


def head(low: int = 60, high: int = 120, seed: int = 0) -> np.ndarray:
    """A disc of noise on black, uint8 (64, 64, 1)."""
    rows, columns = np.indices((64, 64)) - 32
    noise = np.random.default_rng(seed).integers(low, high, (64, 64))
    return (noise * (np.hypot(rows, columns) < 26)).astype(np.uint8)[..., None]


def test_none_changes_nothing() -> None:
    np.testing.assert_array_equal(normalise(head(), "none"), head())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("image", [np.zeros((20, 20, 1)), np.full((20, 20, 3), 90)])
def test_a_constant_image_stays_constant(way: str, image: np.ndarray) -> None:
    changed = normalise(image.astype(np.uint8), way)
    assert changed.shape == image.shape
    assert np.unique(changed).size == 1


@pytest.mark.parametrize("way", WAYS)
@given(seed=st.integers(0, 1000))
def test_black_stays_black_and_the_type_and_shape_stay(way: str, seed: int) -> None:
    image = head(seed=seed)
    changed = normalise(image, way)
    assert (changed.dtype, changed.shape) == (np.uint8, image.shape)
    assert not changed[image == 0].any()
    assert (changed != image).any()


@pytest.mark.parametrize("way", ["window", "standardise"])
def test_the_scale_of_the_scanner_does_not_matter(way: str) -> None:
    dim, bright = head(40, 81), head(40, 81).astype(int)
    bright = np.where(bright > 0, 3 * bright - 60, 0).astype(np.uint8)
    apart = normalise(dim, way).astype(int) - normalise(bright, way)
    assert np.abs(apart).max() <= 3
    assert np.abs(dim.astype(int) - bright).max() > 60


def test_window_spreads_the_tissue_over_all_grey_values() -> None:
    image = head(100, 120)
    tissue = normalise(image, "window")[image > 0]
    assert (tissue.min(), tissue.max()) == (0, 255)
    assert 0.005 < (tissue == 255).mean() < 0.12


def test_window_is_not_moved_by_a_few_bright_pixels() -> None:
    image = head()
    specks = image.copy()
    specks[30:32, 30:32] = 255
    apart = normalise(image, "window").astype(int) - normalise(specks, "window")
    assert np.abs(apart[(image == specks)]).max() <= 4


def test_standardise_brings_the_head_to_one_mean_and_deviation() -> None:
    image = head(20, 200)
    tissue = normalise(image, "standardise")[image > 0].astype(float)
    assert tissue.mean() == pytest.approx(MEAN, abs=2)
    assert tissue.std() == pytest.approx(DEVIATION, abs=2)


def test_standardise_does_not_lift_the_noise_around_the_head() -> None:
    noise = np.random.default_rng(5).integers(0, 6, (64, 64, 1), np.uint8)
    changed = normalise(np.maximum(head(), noise), "standardise")
    rows, columns = np.indices((64, 64)) - 32
    assert not changed[np.hypot(rows, columns) > 30].any()


def test_equalise_raises_the_contrast_of_a_flat_head() -> None:
    image = head(100, 110)
    assert normalise(image, "equalise")[image > 0].std() > 1.5 * image[image > 0].std()


@pytest.mark.parametrize("way", WAYS)
def test_channels_do_not_mix(way: str) -> None:
    channels = [head(40, 60), head(100, 200, seed=1), head(seed=2)]
    together = normalise(np.concatenate(channels, axis=2), way)
    for at, one in enumerate(channels):
        np.testing.assert_array_equal(together[..., at : at + 1], normalise(one, way))


@pytest.mark.parametrize("way", ["window", "standardise"])
def test_scans_that_are_changed_alike_keep_their_difference(way: str) -> None:
    dim, bright = head(40, 81), head(80, 121)
    together = tissue_counts(dim, way) + tissue_counts(bright, way)
    means = [float(normalise(one, way, together)[one > 0].mean()) for one in (dim, bright)]
    assert means[1] - means[0] > 60
    alone = [float(normalise(one, way)[one > 0].mean()) for one in (dim, bright)]
    assert abs(alone[1] - alone[0]) < 10


@pytest.mark.parametrize("way", ["window", "standardise"])
@given(seed=st.integers(0, 1000))
def test_a_series_of_one_scan_is_changed_as_the_scan_alone(way: str, seed: int) -> None:
    image = head(seed=seed)
    counts = tissue_counts(image, way)
    np.testing.assert_array_equal(normalise(image, way, counts), normalise(image, way))


@given(values=st.lists(st.integers(1, 255), min_size=1, max_size=50))
def test_window_cuts_at_numpys_percentiles(values: list[int]) -> None:
    image = np.array(values, np.uint8)[None, :, None]
    low, high = np.percentile(values, (1, 99))
    scaled = (image - low) * (255 / (high - low)) if high > low else image
    np.testing.assert_array_equal(normalise(image, "window"), np.clip(np.rint(scaled), 0, 255))
