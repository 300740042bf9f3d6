"""The brightest region of a head drawn by hand."""

import cv2
import numpy as np
import pytest

from scanvote.pipeline.baseline.bright_region import BrightRegion, Method, brain_of, bright_regions

SIDE = 96


def head(tumour: int = 0, shade: int = 210, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A slice with scalp, skull, brain, ventricles and a tumour of a radius, and the tumour."""
    image = np.zeros((SIDE, SIDE), np.uint8)
    for radius, level in ((44, 160), (41, 10), (37, 100)):
        cv2.circle(image, (48, 48), radius, level, -1)
    cv2.ellipse(image, (48, 44), (6, 12), 0, 0, 360, 40, -1)
    mask = np.zeros_like(image)
    if tumour:
        cv2.circle(mask, (62, 56), tumour, 1, -1)
        image[mask > 0] = shade
    noise = np.random.default_rng(seed).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), mask > 0


def marked(
    image: np.ndarray, method: Method, contrast: float = 1.0, smallest: float = 0.005
) -> np.ndarray:
    return BrightRegion(method, contrast, smallest)(bright_regions(image, ["otsu", "kmeans"]))


@pytest.mark.parametrize("method", ["otsu", "kmeans"])
@pytest.mark.parametrize("radius", [5, 9, 14])
def test_a_bright_tumour_is_outlined(method: Method, radius: int) -> None:
    image, truth = head(radius)
    found = marked(image, method)
    assert found.dtype == bool
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.85


@pytest.mark.parametrize("method", ["otsu", "kmeans"])
def test_a_healthy_brain_has_no_region_of_contrast(method: Method) -> None:
    image, _ = head()
    assert not marked(image, method, contrast=2.5).any()


def test_the_scalp_is_not_taken_for_a_tumour() -> None:
    image, truth = head(9, shade=150)
    assert image[~brain_of(image)].max() > 150
    found = marked(image, "kmeans", contrast=0.5)
    assert (found & ~brain_of(image)).sum() == 0
    assert (found & truth).sum() > 0.8 * truth.sum()


@pytest.mark.parametrize(("contrast", "smallest"), [(50.0, 0.005), (1.0, 0.5)])
def test_what_has_too_little_contrast_or_size_is_left_out(contrast: float, smallest: float) -> None:
    image, _ = head(9)
    assert not marked(image, "otsu", contrast, smallest).any()


@pytest.mark.parametrize("shade", [0, 90, 255])
def test_an_even_slice_has_no_region(shade: int) -> None:
    even = np.full((SIDE, SIDE), shade, np.uint8)
    assert not marked(even, "otsu", contrast=0.5).any()
    assert not marked(even, "kmeans", contrast=0.5).any()


def test_the_same_slice_has_the_same_mask() -> None:
    image, _ = head(9)
    assert np.array_equal(marked(image, "kmeans"), marked(image.copy(), "kmeans"))
