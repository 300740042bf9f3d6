"""Means over areas: what OpenCV's area interpolation gives, but for rounding."""

import cv2
import numpy as np
import pytest

from scanvote.images.crop import Box, crop
from scanvote.pipeline.deduplicate.area_means import AreaMeans

SIDE = 64
NOISE = np.random.default_rng(0).integers(0, 256, (301, 233), np.uint8)


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 233, 301),
        (17, 5, 150, 101),
        (0, 0, 64, 65),
        (230, 298, 3, 3),
        (9, 0, 128, 192),
        (133, 1, 100, 300),
    ],
)
def test_a_box_is_shrunk_as_by_opencv(box: Box) -> None:
    part = np.ascontiguousarray(crop(NOISE, box))
    theirs = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    ours = AreaMeans(NOISE).of(box, SIDE)
    assert ours.dtype == np.uint8
    assert ours.shape == (SIDE, SIDE)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_a_large_bright_image_loses_no_grey_value() -> None:
    bright = np.random.default_rng(1).integers(128, 256, (2500, 3001), np.uint8)
    theirs = cv2.resize(bright, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    ours = AreaMeans(bright).of((0, 0, 3001, 2500), SIDE)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_a_constant_image_stays_constant() -> None:
    assert (AreaMeans(np.full((97, 131), 255, np.uint8)).of((0, 0, 131, 97), SIDE) == 255).all()
