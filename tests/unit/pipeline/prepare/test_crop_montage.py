"""What a person is shown of the crop: some of each class, the fallbacks first."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.params import Params
from scanvote.pipeline.prepare.crop_montage import sample_scans, write_crop_montage
from scanvote.pipeline.prepare.shards import Preprocessor


def scans(found: int, fallbacks: int, labels: str = "abc") -> pd.DataFrame:
    count = found + fallbacks
    return pd.DataFrame(
        {
            "scan_id": [f"s{number:03}" for number in range(count)],
            "label": [labels[number % len(labels)] for number in range(count)],
            "cropped": [number < found for number in range(count)],
        }
    )


@pytest.mark.parametrize(
    ("found", "fallbacks", "shown"),
    [(50, 50, (12, 12)), (50, 3, (21, 3)), (50, 0, (24, 0)), (5, 50, (5, 19)), (4, 2, (4, 2))],
)
def test_half_are_fallbacks_where_there_are(
    found: int, fallbacks: int, shown: tuple[int, int]
) -> None:
    picked = sample_scans(scans(found, fallbacks), 24, seed=1)
    assert picked["scan_id"].is_unique
    assert (picked["cropped"].sum(), (~picked["cropped"]).sum()) == shown


def test_a_rare_class_is_shown_as_often_as_a_common_one() -> None:
    frame = scans(100, 0)
    frame["label"] = ["common"] * 90 + ["rare"] * 10
    counts = sample_scans(frame, 16, seed=1)["label"].value_counts()
    assert counts.to_dict() == {"common": 8, "rare": 8}


def test_the_seed_decides() -> None:
    frame = scans(100, 40)
    one, again, other = (sample_scans(frame, 24, seed)["scan_id"].tolist() for seed in (1, 1, 2))
    assert one == again
    assert one != other


@pytest.fixture
def images(tmp_path: Path, params: Params) -> Preprocessor:
    (tmp_path / "raw").mkdir()
    return Preprocessor("classification", tmp_path / "raw", params, ["a"])


def written(images: Preprocessor, heads: int, blanks: int, path: Path) -> np.ndarray:
    """The montage of drawn heads and black scans, (H, W, 3) BGR."""
    frame = scans(heads, blanks, labels="a")
    frame["path"] = frame["scan_id"] + ".png"
    for scan in frame.itertuples():
        image = np.zeros((80, 60), np.uint8)
        if scan.cropped:
            cv2.ellipse(image, (30, 40), (18, 25), 0, 0, 360, 160, -1)
        assert cv2.imwrite(str(images.raw / scan.path), image)
    write_crop_montage(images, frame, path)
    return cv2.imread(str(path))


def coloured(image: np.ndarray, rgb: tuple[int, int, int]) -> int:
    return int((np.abs(image.astype(int) - rgb[::-1]).max(axis=2) < 60).sum())


@pytest.mark.parametrize(("heads", "blanks"), [(3, 0), (0, 3), (2, 2)])
def test_boxes_are_green_and_fallbacks_red(
    images: Preprocessor, tmp_path: Path, heads: int, blanks: int
) -> None:
    montage = written(images, heads, blanks, tmp_path / "crop.png")
    assert (coloured(montage, (0, 220, 0)) > 100) == (heads > 0)
    assert (coloured(montage, (230, 0, 0)) > 100) == (blanks > 0)


def test_the_same_bytes_twice(images: Preprocessor, tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        written(images, 2, 1, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
