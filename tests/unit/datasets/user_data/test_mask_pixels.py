"""Masks among the classes, told by their pixels."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from scanvote.datasets.user_data import read_layout
from scanvote.params import load_params

PARAMS = load_params(Path(__file__).parents[4] / "params.yaml")


def picture(path: Path, seed: int) -> None:
    write(path, np.random.default_rng(seed).integers(0, 256, (16, 16), np.uint8))


def mask(path: Path) -> None:
    pixels = np.zeros((16, 16), np.uint8)
    pixels[4:8, 4:8] = 255
    write(path, pixels)


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


def classes(root: Path) -> tuple[dict[str, int], dict[str, int]]:
    found = read_layout(root, "classification", PARAMS)
    reasons = Counter(one.reason for one in found.skipped)
    return dict(Counter(item.label for item in found.items)), dict(reasons)


@pytest.mark.parametrize(
    ("image", "masked"),
    [
        ("{}_image.png", "{}_mask.png"),
        ("img_{}.png", "mask_{}.png"),
        ("{}.png", "{}_lesion.png"),
        ("{}-image.png", "{}-mask-r1.png"),
        ("{}.jpg", "{}_mask.jpg"),
    ],
)
def test_masks_beside_their_images_are_no_scans(tmp_path: Path, image: str, masked: str) -> None:
    for at, label in enumerate(("benign", "malignant")):
        for number in range(3):
            picture(tmp_path / label / image.format(number), 10 * at + number)
            mask(tmp_path / label / masked.format(number))
    assert classes(tmp_path)[0] == {"benign": 3, "malignant": 3}


def test_masks_without_any_image_are_left_out_with_the_reason(tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        picture(tmp_path / label / "a.png", len(label))
        mask(tmp_path / label / "b_mask.png")
    assert classes(tmp_path) == ({"benign": 1, "malignant": 1}, {"a mask without an image": 2})


def test_pictures_in_a_class_called_mask_stay_scans(tmp_path: Path) -> None:
    for at, label in enumerate(("mask", "no_mask")):
        for number in range(3):
            picture(tmp_path / label / f"{number}.png", 10 * at + number)
    assert classes(tmp_path) == ({"mask": 3, "no_mask": 3}, {})


def test_pictures_named_like_masks_stay_scans(tmp_path: Path) -> None:
    for at, label in enumerate(("a", "b")):
        picture(tmp_path / label / "1.png", at)
        picture(tmp_path / label / "1_lesion.png", at + 5)
    assert classes(tmp_path) == ({"a": 2, "b": 2}, {})
