"""Which pairs the first order of a small change brings together."""

import cv2
import numpy as np
import pytest

from scanvote.pipeline.deduplicate import tangents
from scanvote.pipeline.deduplicate.fingerprints import thumbnail
from scanvote.pipeline.deduplicate.tangents import tangent_pairs
from tests.heads import head, turned


def found(*images: np.ndarray) -> set[tuple[int, int]]:
    parts = list(tangent_pairs(np.stack([thumbnail(one) for one in images])))
    return {(int(i), int(j)) for part in parts for i, j in zip(*part, strict=True)}


COPIES = {
    "rotated": lambda image: turned(image, -2),
    "cropped": lambda image: image[4:-4, 4:-4],
    "cropped on one side": lambda image: image[5:],
    "both": lambda image: turned(image, 2)[4:-4, 4:-4],
    "shifted": lambda image: np.roll(image, 3, axis=1),
    "brighter": lambda image: cv2.convertScaleAbs(image, alpha=0.8, beta=30),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_changed_copy_is_found_and_another_head_is_not(change: str) -> None:
    assert found(head(0), head(1), COPIES[change](head(0)), head(2)) == {(0, 2)}


def test_what_is_changed_too_much_is_not_found() -> None:
    images = head(0), turned(head(0), 15), head(0)[20:-20, 20:-20], head(0)[::-1]
    assert found(*images) == set()


def test_constant_images_are_like_nothing() -> None:
    black, grey = np.zeros((128, 128), np.uint8), np.full((128, 128), 90, np.uint8)
    assert found(black, black, grey, head(0), grey) == set()


def test_the_blocks_change_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [change(head(seed)) for seed in range(4) for change in COPIES.values()]
    together = found(*images)
    assert len(together) > 20
    monkeypatch.setattr(tangents, "BLOCK", 5)
    monkeypatch.setattr(tangents, "COLUMNS", 7)
    assert found(*images) == together


def test_nothing_has_no_pairs() -> None:
    assert list(tangent_pairs(np.empty((0, 64, 64), np.uint8))) == []
