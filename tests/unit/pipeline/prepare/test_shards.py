"""The plan of the shards, every row once and in order; and lesions beside their scans."""

from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.params import Params, PrepareTask
from scanvote.pipeline.prepare.shards import Preprocessor, ShardSpec, plan_shards


def how(params: Params, **changes: object) -> PrepareTask:
    return params.prepare.classification.model_copy(update=changes)


def scans(train: int, validation: int, test: int) -> pd.DataFrame:
    splits = ["train"] * train + ["validation"] * validation + ["test"] * test
    return pd.DataFrame({"scan_id": [f"s{at}" for at in range(len(splits))], "split": splits})


def rows(portion: ShardSpec) -> list[tuple[str, int]]:
    return [(scan["scan_id"], at) for scan, versions in portion.scan_rows() for at in versions]


@given(
    st.integers(1, 40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 21), st.integers(1, 30)
)
def test_every_row_is_in_one_shard_and_in_order(
    params: Params, train: int, validation: int, test: int, copies: int, size: int
) -> None:
    frame = scans(train, validation, test)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanvote.arrays.SHARD_ROWS", size)
        parts = plan_shards(frame, how(params, copies=copies))
    for split, each in (("train", copies + 1), ("validation", 1), ("test", 1)):
        mine = [part for part in parts if part.split == split]
        assert [part.number for part in mine] == list(range(len(mine)))
        assert all(len(part.rows) == size for part in mine[:-1])
        names = frame.loc[frame["split"] == split, "scan_id"]
        assert [row for part in mine for row in rows(part)] == [
            (name, at) for name in names for at in range(each)
        ]


def test_no_scan_is_loaded_for_nothing(params: Params) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanvote.arrays.SHARD_ROWS", 8)
        parts = plan_shards(scans(9, 1, 1), how(params, copies=3))
    assert all(len(versions) for part in parts for _, versions in part.scan_rows())
    assert [len(part.scans) for part in parts] == [2, 2, 2, 2, 1, 1, 1]


def test_large_images_make_shards_of_few_rows(params: Params) -> None:
    parts = plan_shards(scans(100, 1, 1), how(params, image_size=1024, channels=3, copies=0))
    assert max(len(part.rows) for part in parts) * 1024 * 1024 * 4 <= 32 << 20


def framed(params: Params, **changes: object) -> Params:
    task = how(params, channels=1, **changes)
    return params.model_copy(
        update={"prepare": params.prepare.model_copy(update={"classification": task})}
    )


@given(
    st.booleans(),
    st.sampled_from(["none", "background"]),
    st.sampled_from(["stretch", "pad"]),
    st.sampled_from([(90, 90), (120, 80), (70, 110)]),
)
def test_a_lesion_moves_with_its_scan(
    params: Params, crop: bool, strip: str, resize: str, shape: tuple[int, int]
) -> None:
    height, width = shape
    scan, mask = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    scan[height // 8 : -height // 8, width // 8 : -width // 8] = 100
    lesion = (slice(height // 4, height // 2), slice(width // 3, width * 2 // 3))
    scan[lesion], mask[lesion] = 250, 255
    with TemporaryDirectory() as folder:
        cv2.imwrite(f"{folder}/s.png", scan)
        cv2.imwrite(f"{folder}/m.png", mask)
        row = {"scan_id": "s", "path": "s.png", "mask_path": "m.png", "series": ""}
        changed = framed(params, crop=crop, strip=strip, resize=resize)
        preparation = Preprocessor("classification", Path(folder), changed, ["a"])
        image, _, _ = preparation.load(row)
        found = preparation.lesion_mask(row)
    assert found.shape == image.shape[:2]
    assert np.array_equal(found, image[..., 0] > 175)


def test_what_is_stripped_of_a_lesion_is_gone(params: Params, tmp_path: Path) -> None:
    scan, mask = np.zeros((80, 80), np.uint8), np.zeros((80, 80), np.uint8)
    scan[20:60, 20:60] = 120
    mask[30:50, 50:75] = 255
    cv2.imwrite(str(tmp_path / "s.png"), scan)
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    row = {"scan_id": "s", "path": "s.png", "mask_path": "m.png", "series": ""}
    inside = [
        Preprocessor("classification", tmp_path, framed(params, crop=False, strip=strip), ["a"])
        .lesion_mask(row)
        .mean()
        for strip in ("none", "background")
    ]
    assert inside[1] == pytest.approx(inside[0] * 10 / 25, rel=0.2)
