"""What registration makes equal again, and what stays another slice or another patient."""

import cv2
import numpy as np
import pytest

from scanvote.pipeline.deduplicate import overlap
from scanvote.pipeline.deduplicate.fingerprints import thumbnail
from scanvote.pipeline.deduplicate.overlap import registered_correlation, registered_correlations
from scanvote.pipeline.deduplicate.pairs import as_pairs


def head(seed: int, slices: float = 0, reach: tuple[int, int] = (104, 116)) -> np.ndarray:
    """Blobs and folds within a bright rim, (256, 256) uint8, some slices further on."""
    rng = np.random.default_rng(seed)
    image = 60
    for side, bright in ((9, 60), (40, 60)):
        here, deeper = rng.random((2, side, side)).astype(np.float32)
        blobs = here + 0.2 * slices * (deeper - here)
        image = image + bright * cv2.resize(blobs, (256, 256), interpolation=cv2.INTER_CUBIC)
    mask = cv2.ellipse(np.zeros((256, 256), np.uint8), (128, 128), reach, 0, 0, 360, 1, -1)
    scan = (np.clip(image, 0, 255) * mask).astype(np.uint8)
    return cv2.ellipse(scan, (128, 128), reach, 0, 0, 360, 255, 3)


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    return cv2.warpAffine(image, cv2.getRotationMatrix2D((127.5, 127.5), degrees, 1), (256, 256))


COPIES = {
    "rotated": lambda image: turned(image, 2),
    "cropped": lambda image: image[8:-8, 8:-8],
    "cropped on one side": lambda image: image[:-10],
    "both": lambda image: turned(image, -2)[8:-8, 8:-8],
    "darker": lambda image: cv2.convertScaleAbs(image[8:-8, 8:-8], alpha=0.7, beta=10),
}


@pytest.mark.parametrize("reach", [(104, 116), (118, 140)], ids=["within", "beyond"])
@pytest.mark.parametrize("change", COPIES)
def test_a_registered_copy_correlates_from_either_side(change: str, reach: tuple[int, int]) -> None:
    image = head(0, reach=reach)
    images = thumbnail(image), thumbnail(COPIES[change](image))
    assert registered_correlation(*images) > 0.998
    assert registered_correlation(*images[::-1]) > 0.998


def test_a_registered_neighbour_or_other_patient_does_not() -> None:
    for other in (head(0, slices=2), turned(head(0, slices=2), 2), head(1)):
        assert registered_correlation(thumbnail(head(0)), thumbnail(other)) < 0.997


def test_a_constant_image_cannot_be_registered() -> None:
    flat = np.full((64, 64), 9, np.uint8)
    for other in (flat, thumbnail(head(0))):
        assert registered_correlation(flat, other) == registered_correlation(other, flat) == 0


def test_many_pairs_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.stack([thumbnail(turned(head(seed), seed)) for seed in range(4)])
    every = as_pairs([(i, j) for i in range(4) for j in range(4)])
    monkeypatch.setattr(overlap, "PART", 3)
    values = registered_correlations(images, every)
    alone = [registered_correlation(images[i], images[j]) for i, j in zip(*every, strict=True)]
    assert values.tolist() == alone
    assert registered_correlations(images, as_pairs([])).tolist() == []
