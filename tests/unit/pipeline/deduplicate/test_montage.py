"""Pairs of images as a PNG: the same bytes, whatever their sizes and number."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scanvote.pipeline.deduplicate import montage
from scanvote.pipeline.deduplicate.montage import (
    AMPLIFIED,
    GAP,
    SIDE,
    MontagePair,
    pair_image,
    write_montage,
)


def pictures(folder: Path) -> list[Path]:
    paths = [folder / f"{seed}.png" for seed in range(2)]
    for seed, path in enumerate(paths):
        noise = np.random.default_rng(seed).integers(0, 256, (40, 60 + seed), np.uint8)
        cv2.imwrite(str(path), noise)
    return paths


@pytest.mark.parametrize("count", [0, 1, 4])
def test_the_same_pairs_give_the_same_bytes(tmp_path: Path, count: int) -> None:
    left, right = pictures(tmp_path)
    pairs = [MontagePair(left, right, f"pair {n}", warning=n == 0) for n in range(count)]
    for name in ("one.png", "two.png"):
        write_montage(pairs, "Pairs", tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert cv2.imread(str(tmp_path / "one.png")) is not None


def test_it_says_what_it_is_not_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    for words in (montage.footnote(), ""):
        monkeypatch.setattr(montage, "footnote", lambda words=words: words)
        write_montage([], "Pairs", tmp_path / "montage.png")
        written.append(cv2.imread(str(tmp_path / "montage.png")))
    assert written[0].shape != written[1].shape or (written[0] != written[1]).any()


def test_equal_images_have_a_black_difference() -> None:
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    shown = pair_image(image, image)
    assert shown.shape == (SIDE, 3 * SIDE + 2 * GAP, 3)
    np.testing.assert_array_equal(shown[:, :SIDE], shown[:, SIDE + GAP : 2 * SIDE + GAP])
    assert not shown[:, -SIDE:].any()


def test_the_difference_is_amplified_whichever_is_lighter() -> None:
    dark, light = (np.full((SIDE, SIDE, 3), value, np.uint8) for value in (10, 17))
    for left, right in ((dark, light), (light, dark)):
        assert (pair_image(left, right)[:, -SIDE:] == 7 * AMPLIFIED).all()
    assert (pair_image(dark, dark + 230)[:, -SIDE:] >= 250).all()
