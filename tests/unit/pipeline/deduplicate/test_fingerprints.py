"""Fingerprints: alike for copies, the same however many processes take them."""

from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from scanvote.images.decode import DecodeError, grey
from scanvote.pipeline.deduplicate.fingerprints import (
    SIDE,
    fingerprints,
    perceptual_hashes,
    thumbnail,
)


def scan(seed: int, side: int = 96) -> np.ndarray:
    """Smooth blobs on black, (side, side) uint8."""
    blobs = np.random.default_rng(seed).random((9, 9)).astype(np.float32)
    blobs[0] = blobs[-1] = blobs[:, 0] = blobs[:, -1] = 0
    smooth = cv2.resize(blobs, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth * 255, 0, 255).astype(np.uint8)


def written(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{seed}.png" for seed in range(count)]
    for seed, path in enumerate(paths):
        Image.fromarray(scan(seed)).save(path)
    return paths


def hashed(image: np.ndarray) -> np.uint64:
    return np.uint64(perceptual_hashes(thumbnail(image)[None])[0])


IMAGES = {
    "smooth": scan(1),
    "noise": np.random.default_rng(0).integers(0, 256, (97, 61), np.uint8),
    "like_an_xray": cv2.GaussianBlur(
        np.random.default_rng(3).integers(0, 256, (224, 224), np.uint8), (0, 0), 6
    ),
    "wide": scan(4, 64)[:20],
    "smaller_than_the_hash": scan(5)[::8, ::8],
    "black": np.zeros((50, 50), np.uint8),
    "grey": np.full((50, 50), 130, np.uint8),
    "two_levels": np.where(scan(6) > 90, 255, 0).astype(np.uint8),
}


@pytest.mark.parametrize("name", IMAGES)
def test_the_hash_is_nearly_that_of_imagehash(name: str) -> None:
    theirs = int(str(imagehash.phash(Image.fromarray(IMAGES[name]))), 16)
    assert (int(hashed(IMAGES[name])) ^ theirs).bit_count() <= 4
    assert hashed(IMAGES[name]).dtype == np.uint64


def test_the_hash_of_a_whole_image_is_mostly_that_of_imagehash() -> None:
    theirs = [int(str(imagehash.phash(Image.fromarray(scan(seed)))), 16) for seed in range(50)]
    bits = [(int(hashed(scan(seed))) ^ one).bit_count() for seed, one in enumerate(theirs)]
    assert np.mean(bits) < 1


def test_a_colour_file_hashes_as_its_grey_image(tmp_path: Path) -> None:
    colours = np.stack([scan(seed) for seed in range(3)], axis=2)
    Image.fromarray(colours).save(tmp_path / "colours.png")
    assert fingerprints([tmp_path / "colours.png"]).hashes[0] == hashed(grey(colours))


@pytest.mark.parametrize("side", [72, 96, 144])
def test_a_resized_copy_hashes_near_and_another_scan_far(side: int) -> None:
    image = scan(1)
    copy = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    assert np.bitwise_count(hashed(image) ^ hashed(copy)) <= 4
    assert np.bitwise_count(hashed(image) ^ hashed(scan(2))) > 10


def test_a_thumbnail_is_the_mean_of_the_area() -> None:
    image = np.kron(np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 251, np.ones((4, 3)))
    small = thumbnail(image.astype(np.uint8))
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, image[::4, ::3])


def test_the_processes_do_not_change_the_fingerprints(tmp_path: Path) -> None:
    paths = written(tmp_path, 40)
    one, two = fingerprints(paths, processes=1), fingerprints(paths, processes=2)
    np.testing.assert_array_equal(one.hashes, two.hashes)
    np.testing.assert_array_equal(one.thumbnails, two.thumbnails)
    np.testing.assert_array_equal(one.cropped, two.cropped)


def test_no_image_has_empty_fingerprints() -> None:
    prints = fingerprints([])
    assert prints.hashes.shape == (0,)
    assert prints.thumbnails.shape == prints.cropped.shape == (0, SIDE, SIDE)


def test_an_image_takes_8_kib_and_a_hash(tmp_path: Path) -> None:
    prints = fingerprints(written(tmp_path, 3))
    arrays = (prints.hashes, prints.thumbnails, prints.cropped)
    assert sum(array.nbytes for array in arrays) == 3 * (8 + 2 * SIDE * SIDE)


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"broken")
    with pytest.raises(DecodeError, match=r"broken\.png"):
        fingerprints([tmp_path / "broken.png"])
