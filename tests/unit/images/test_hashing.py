"""Fingerprints: alike for copies, the same however many processes take them."""

from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from scanvote.images.decode import DecodeError
from scanvote.images.hashing import SIDE, fingerprints, perceptual_hash, thumbnail


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


def test_the_hash_is_that_of_imagehash() -> None:
    image = scan(1)
    theirs = int(str(imagehash.phash(Image.fromarray(image))), 16)
    assert int(perceptual_hash(image)) == theirs
    assert perceptual_hash(image).dtype == np.uint64


@pytest.mark.parametrize("side", [72, 96, 144])
def test_a_resized_copy_hashes_near_and_another_scan_far(side: int) -> None:
    image = scan(1)
    copy = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    assert np.bitwise_count(perceptual_hash(image) ^ perceptual_hash(copy)) <= 4
    assert np.bitwise_count(perceptual_hash(image) ^ perceptual_hash(scan(2))) > 10


def test_a_thumbnail_is_the_mean_of_the_area() -> None:
    image = np.kron(np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 251, np.ones((4, 3)))
    small = thumbnail(image.astype(np.uint8))
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, image[::4, ::3], atol=1e-3)


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


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"broken")
    with pytest.raises(DecodeError, match=r"broken\.png"):
        fingerprints([tmp_path / "broken.png"])
