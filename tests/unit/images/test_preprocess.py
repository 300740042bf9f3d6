"""A scan that is shown to the model is prepared as those it was trained on."""

from pathlib import Path

import numpy as np
import pytest

from scanvote.images.decode import decode_image
from scanvote.images.preprocess import preprocess, to_original_space
from scanvote.params import Params, PrepareTask
from scanvote.pipeline.prepare.shards import Preprocessor
from tests.making import picture, write_image

WAYS = [
    {},
    {"channels": 3, "resize": "pad"},
    {"crop": False, "intensity": "equalise"},
    {"strip": "background", "intensity": "standardise"},
    {"strip": "skull", "intensity": "window", "resize": "pad"},
]


def how(params: Params, **changes: object) -> PrepareTask:
    return params.prepare.classification.model_copy(update=changes)


def tall() -> np.ndarray:
    """(90, 60, 3), a head in the upper part."""
    image = np.zeros((90, 60, 3), np.uint8)
    image[5:65] = picture(3, 60)[..., None]
    return image


@pytest.mark.parametrize("changes", WAYS)
@pytest.mark.parametrize("deep", [False, True])
def test_frames_as_the_stage_prepare_does(
    params: Params, tmp_path: Path, changes: dict[str, object], deep: bool
) -> None:
    way = how(params, **changes)
    prepare = params.prepare.model_copy(update={"classification": way})
    whole = params.model_copy(update={"prepare": prepare})
    path = write_image(tmp_path / "scan.png", seed=5, side=75, deep=deep)
    stage = Preprocessor("classification", tmp_path, whole, ["a"])
    wanted, _, _ = stage.load({"path": "scan.png", "scan_id": "scan", "series": ""})
    assert np.array_equal(preprocess(decode_image(path), way), wanted)


@pytest.mark.parametrize("fit", ["stretch", "pad"])
@pytest.mark.parametrize("crop", [False, True])
def test_a_mask_goes_back_to_where_it_was(params: Params, fit: str, crop: bool) -> None:
    image = tall()
    way = how(params, crop=crop, resize=fit, image_size=64)
    bright = preprocess(image, way)[..., 0] > 128
    back, there = to_original_space(bright, image, way), image[..., 0] > 128
    assert back.shape == image.shape[:2]
    assert (back & there).sum() * 2 / (back.sum() + there.sum()) > 0.9


def test_a_mask_of_all_marks_what_was_left_in(params: Params) -> None:
    image = tall()
    all_of_it = np.ones((32, 32), bool)
    cropped = to_original_space(all_of_it, image, how(params))
    assert 0 < cropped.sum() < cropped.size
    assert cropped[image[..., 0] > 100].all()
    stripped = to_original_space(all_of_it, image, how(params, strip="background"))
    assert not stripped[70:].any()
    assert to_original_space(all_of_it, image, how(params, crop=False)).all()
