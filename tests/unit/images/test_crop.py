"""The crop to the head, and when not to trust it."""

import cv2
import numpy as np
import pytest

from scanvote.images.crop import crop, crop_box


def head(size: tuple[int, int] = (200, 160), axes: tuple[int, int] = (50, 70)) -> np.ndarray:
    """An ellipse in the middle of a black (H, W) image."""
    image = np.zeros(size, np.uint8)
    centre = size[1] // 2, size[0] // 2
    cv2.ellipse(image, centre, axes, 0, 0, 360, 180, -1)
    return image


def test_the_box_surrounds_the_head() -> None:
    x, y, width, height = crop_box(head())
    assert (x, y) == pytest.approx((30, 30), abs=3)
    assert (width, height) == pytest.approx((101, 141), abs=5)


def test_letters_beside_the_head_are_left_out() -> None:
    image = head()
    cv2.putText(image, "R", (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    assert crop_box(image) == crop_box(head())


def test_faint_noise_around_the_head_is_left_out() -> None:
    noise = np.random.default_rng(0).integers(0, 20, (200, 160), np.uint8)
    x, y, width, height = crop_box(np.maximum(head(), noise))
    assert (x, y, width, height) == pytest.approx(crop_box(head()), abs=2)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((60, 80), np.uint8), id="black"),
        pytest.param(np.full((60, 80), 255, np.uint8), id="white"),
        pytest.param(np.pad(np.full((9, 9), 200, np.uint8), (25, 46))[:60, :80], id="small"),
        pytest.param(np.pad(np.full((16, 80), 200, np.uint8), ((22, 22), (0, 0))), id="stripe"),
    ],
)
def test_an_implausible_contour_is_the_whole_image(image: np.ndarray) -> None:
    height, width = image.shape
    assert crop_box(image) == (0, 0, width, height)


def test_a_tiny_image_is_the_whole_image() -> None:
    assert crop_box(np.zeros((1, 1), np.uint8)) == (0, 0, 1, 1)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_crop_cuts_the_box_out(channels: tuple[int, ...]) -> None:
    image = np.arange(20 * 30 * 3).reshape(20, 30, 3)[..., 0 if not channels else slice(None)]
    np.testing.assert_array_equal(crop(image, (3, 5, 10, 8)), image[5:13, 3:13])
