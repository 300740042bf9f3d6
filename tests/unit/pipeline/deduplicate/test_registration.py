"""What a small turn or cut hides, and what is not the same however it is turned."""

import cv2
import numpy as np
import pytest

from scanvote.pipeline.deduplicate.fingerprints import thumbnail
from scanvote.pipeline.deduplicate.pairs import as_pairs
from scanvote.pipeline.deduplicate.registration import registered_correlation_of, registered_pairs
from tests.heads import head, turned

CHANGED = {
    "rotated": lambda image: turned(image, 3),
    "cropped": lambda image: image[6:-4, 3:-7],
    "shifted": lambda image: np.roll(image, 4, axis=1),
    "brighter": lambda image: cv2.convertScaleAbs(image, alpha=0.8, beta=30),
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_changed_copy_is_alike_again(change: str) -> None:
    copy = CHANGED[change](head(0))
    assert registered_correlation_of(thumbnail(head(0)), thumbnail(copy)) > 0.99


def test_another_head_is_not() -> None:
    assert registered_correlation_of(thumbnail(head(0)), thumbnail(head(1))) < 0.9


def test_a_quarter_turn_is_no_small_change() -> None:
    image = thumbnail(head(0))
    assert registered_correlation_of(image, np.ascontiguousarray(np.rot90(image))) < 0.9


def test_a_constant_image_is_like_nothing() -> None:
    flat = np.full((64, 64), 9, np.uint8)
    for other in (flat, thumbnail(head(0))):
        assert registered_correlation_of(flat, other) == registered_correlation_of(other, flat) == 0


def test_only_pairs_that_are_alike_stay() -> None:
    images = np.stack([thumbnail(one) for one in (head(0), turned(head(0), -2), head(1))])
    pairs = registered_pairs(images, as_pairs([(0, 1), (0, 2), (1, 2)]), 0.99)
    assert [side.tolist() for side in pairs] == [[0], [1]]
    assert [side.tolist() for side in registered_pairs(images, as_pairs([]), 0.99)] == [[], []]
