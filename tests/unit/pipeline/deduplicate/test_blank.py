"""Which pictures tell nothing of a person."""

import cv2
import numpy as np
import pytest

from scanvote.pipeline.deduplicate.blank import nearly_constant, placeholders
from scanvote.pipeline.deduplicate.fingerprints import thumbnail
from scanvote.pipeline.deduplicate.pairs import as_pairs
from tests.heads import head
from tests.manifests import manifest

FONT = cv2.FONT_HERSHEY_SIMPLEX


def flat(image: np.ndarray) -> bool:
    return bool(nearly_constant(thumbnail(image)[None])[0])


def black(side: int = 128) -> np.ndarray:
    return np.zeros((side, side), np.uint8)


def disc(radius: int, level: int) -> np.ndarray:
    return cv2.circle(black(), (64, 60), radius, level, -1)


BLANK = {
    "black": black(),
    "white": np.full((64, 96), 255, np.uint8),
    "noise": np.random.default_rng(0).normal(100, 5, (64, 64)).astype(np.uint8),
    "frame": cv2.rectangle(black(), (0, 0), (127, 127), 255, 6),
    "letters": cv2.putText(black(), "P03 slice 7", (2, 14), FONT, 0.4, 255, 1),
    "letters below": cv2.putText(black(64), "P03", (2, 61), FONT, 0.4, 255, 1),
}
SCANS = {
    "head": head(0),
    "dark head": (head(0) // 8).astype(np.uint8),
    "tip of a head": disc(8, 60),
    "skull alone": cv2.ellipse(black(), (64, 64), (50, 56), 0, 0, 360, 255, 6),
    "filled outline": cv2.ellipse(black(), (64, 64), (53, 60), 0, 0, 360, 255, -1),
}


@pytest.mark.parametrize("name", BLANK)
def test_one_value_but_for_noise_a_frame_or_letters_is_blank(name: str) -> None:
    assert flat(BLANK[name])


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_is_not_blank(name: str) -> None:
    assert not flat(SCANS[name])


def test_no_scan_is_judged() -> None:
    assert nearly_constant(np.empty((0, 64, 64), np.uint8)).tolist() == []


@pytest.mark.parametrize(
    ("patients", "found"),
    [
        (["p", "q", "r", ""], True),
        (["p", "q", "q", ""], False),
        (["", "", "", ""], False),
        (["a/1", "b/1", "a/2", ""], False),  # two data sets may name one person
        (["a/1", "a/3", "a/2", ""], True),
    ],
)
def test_a_picture_that_three_people_share_is_a_placeholder(
    patients: list[object], found: bool
) -> None:
    frame = manifest(5, patient=[*patients, "z"], source=["a", "b", "a", "a", "a"])
    marked = placeholders(frame, as_pairs([(0, 1), (0, 2), (2, 3)]))
    assert marked.tolist() == [found] * 4 + [False]
