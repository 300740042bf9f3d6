"""Background and skull, on drawn heads whose truth is known."""

import cv2
import numpy as np
import pytest

from scanvote.images.skull_strip import brain_mask, head_mask, tissue_mask

SIZE = (160, 140)
CENTRE = (70, 80)


def ellipse(axes: tuple[int, int], centre: tuple[int, int] = CENTRE) -> np.ndarray:
    """bool (160, 140)."""
    drawn = np.zeros(SIZE, np.uint8)
    return cv2.ellipse(drawn, centre, axes, 0, 0, 360, 1, -1) > 0


HEAD, BONE, BRAIN = ellipse((54, 64)), ellipse((48, 58)), ellipse((42, 52))


def head(scalp: int = 200, bone: int = 15, brain: int = 110) -> np.ndarray:
    """A bright scalp around dark bone around a grey brain, on faint noise; uint8 (H, W)."""
    image = np.zeros(SIZE, int)
    for region, grey in ((HEAD, scalp), (BONE, bone), (BRAIN, brain)):
        image[region] = grey
    image += np.random.default_rng(0).integers(0, 9, SIZE)
    return image.astype(np.uint8)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def rgb(image: np.ndarray) -> np.ndarray:
    return np.repeat(image[..., None], 3, axis=2)


@pytest.mark.parametrize("brain", [60, 110, 200])
def test_the_head_is_found_with_its_dark_bone(brain: int) -> None:
    found = head_mask(head(brain=brain))
    assert found is not None
    assert found.dtype == np.bool_
    assert dice(found, HEAD) > 0.97


def test_letters_are_background() -> None:
    image = head()
    cv2.putText(image, "R", (3, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
    found = head_mask(image)
    assert found is not None
    assert not found[:15, :15].any()


def test_a_head_in_two_large_parts_keeps_both() -> None:
    parts = ellipse((30, 30), (70, 40)) | ellipse((25, 22), (70, 120))
    found = head_mask((parts * 150).astype(np.uint8))
    assert found is not None
    assert dice(found, parts) > 0.95


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros(SIZE, np.uint8), id="black"),
        pytest.param(np.full(SIZE, 77, np.uint8), id="flat"),
        pytest.param(np.random.default_rng(0).integers(0, 8, SIZE, np.uint8), id="noise"),
        pytest.param((ellipse((9, 9)) * 200).astype(np.uint8), id="a spot"),
        pytest.param(np.zeros((1, 1), np.uint8), id="one pixel"),
    ],
)
def test_where_nothing_stands_out_all_is_left_in_and_said(image: np.ndarray) -> None:
    for strip in ("background", "skull"):
        kept, done = tissue_mask(rgb(image), strip)
        assert not done
        assert kept.shape == image.shape
        assert kept.all()


@pytest.mark.parametrize("brain", [90, 110, 160])
def test_the_brain_is_found_inside_its_skull(brain: int) -> None:
    found = brain_mask(head(brain=brain), HEAD)
    assert found is not None
    assert dice(found, BRAIN) > 0.95


def test_ventricles_are_part_of_the_brain() -> None:
    image = head()
    image[ellipse((8, 16))] = 5
    found = brain_mask(image, HEAD)
    assert found is not None
    assert found[ellipse((8, 16))].all()


def test_a_bridge_between_brain_and_scalp_is_cut() -> None:
    image = head()
    image[78:82, 100:120] = 150
    found = brain_mask(image, HEAD)
    assert found is not None
    assert dice(found, BRAIN) > 0.93
    assert not found[80, 120:].any()


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(head(bone=110), id="no dark bone"),
        pytest.param(head(brain=15), id="no bright brain"),
        pytest.param(np.where(ellipse((12, 12)) | ~BONE, head(), 10), id="only a spot inside"),
        pytest.param(
            np.where(BRAIN & (np.indices(SIZE)[1] > 62), 10, head()), id="less than one half"
        ),
    ],
)
def test_an_implausible_brain_falls_back_to_the_head(image: np.ndarray) -> None:
    kept, done = tissue_mask(rgb(image.astype(np.uint8)), "skull")
    assert not done
    assert dice(kept, HEAD) > 0.97


def test_the_size_of_the_pixels_does_not_matter() -> None:
    large = cv2.resize(head(), None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    truth = cv2.resize(BRAIN.astype(np.uint8), None, fx=3, fy=3, interpolation=0) > 0
    kept, done = tissue_mask(rgb(large), "skull")
    assert done
    assert dice(kept, truth) > 0.95
