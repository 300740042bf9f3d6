"""The square of a network: proportions, centre, and the mask with its image."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.images.resize import Fit, resize, resize_mask

SIDES = st.integers(1, 90)


@given(SIDES, SIDES, SIDES, st.sampled_from([(), (1,), (3,)]), st.sampled_from(["stretch", "pad"]))
def test_any_size_becomes_the_square(
    height: int, width: int, side: int, channels: tuple[int, ...], fit: Fit
) -> None:
    image = np.full((height, width, *channels), 9, np.uint8)
    resized = resize(image, side, fit)
    assert (resized.shape, resized.dtype) == ((side, side, *channels), np.uint8)
    assert resized.max() == 9


def test_stretch_fills_the_square() -> None:
    assert (resize(np.full((30, 60), 200, np.uint8), 40, "stretch") == 200).all()


@pytest.mark.parametrize("shape", [(30, 60), (60, 30), (60, 60), (20, 61)])
def test_pad_keeps_the_proportions_and_centres_on_black(shape: tuple[int, int]) -> None:
    padded = resize(np.full(shape, 200, np.uint8), 40, "pad")
    assert set(np.unique(padded)) <= {0, 200}
    rows, columns = np.nonzero(padded)
    box = np.array([np.ptp(rows) + 1, np.ptp(columns) + 1])
    np.testing.assert_allclose(box, 40 * np.array(shape) / max(shape), atol=0.5)
    margins = [rows.min(), 39 - rows.max(), columns.min(), 39 - columns.max()]
    assert abs(margins[0] - margins[1]) <= 1
    assert abs(margins[2] - margins[3]) <= 1


def test_a_circle_stays_round_under_pad_and_not_under_stretch() -> None:
    image = np.zeros((40, 80), np.uint8)
    cv2.circle(image, (40, 20), 15, 255, -1)
    for fit, round_ in (("pad", True), ("stretch", False)):
        rows, columns = np.nonzero(resize(image, 64, fit) > 127)
        assert (abs(np.ptp(rows) - np.ptp(columns)) <= 1) == round_


@pytest.mark.parametrize("fit", ["stretch", "pad"])
@pytest.mark.parametrize("side", [16, 33, 128])
def test_the_mask_moves_with_its_image(fit: Fit, side: int) -> None:
    mask = np.zeros((50, 80), np.uint8)
    cv2.ellipse(mask, (30, 20), (20, 9), 20, 0, 360, 1, -1)
    image = resize(mask * np.uint8(255), side, fit)
    moved = resize_mask(mask, side, fit)
    assert (moved.shape, moved.dtype) == ((side, side), np.uint8)
    np.testing.assert_array_equal(moved, image > 127)
    assert moved.any()
