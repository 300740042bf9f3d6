"""Fingerprints of images: a perceptual hash that shortlists, thumbnails that confirm."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.crop import crop, crop_box
from scanvote.images.decode import Grey, decode_grey
from scanvote.parallel import mapped

SIDE = 64
"""Pixels a side of a thumbnail."""

Hashes = NDArray[np.uint64]
"""(n,) uint64, 64 bits an image."""
Thumbnails = NDArray[np.float32]
"""(n, SIDE, SIDE) float32, grey values 0…255."""


@dataclass(frozen=True)
class Fingerprints:
    """What is compared of n images, in the order of the images.

    Attributes:
        hashes: pHash of each, uint64 of shape (n,).
        thumbnails: of the whole images, float32 of shape (n, 64, 64).
        cropped: of the images cropped to the brain, float32 of shape (n, 64, 64).
    """

    hashes: Hashes
    thumbnails: Thumbnails
    cropped: Thumbnails


def fingerprints(paths: Sequence[Path], processes: int | None = None) -> Fingerprints:
    """Decode each image once and take its hash and its two thumbnails.

    Raises:
        DecodeError: an image is missing or not whole.
    """
    each = mapped(_fingerprint, paths, "Hash", processes)
    shape = (len(each), SIDE, SIDE)
    return Fingerprints(
        np.array([one[0] for one in each], np.uint64),
        np.array([one[1] for one in each], np.float32).reshape(shape),
        np.array([one[2] for one in each], np.float32).reshape(shape),
    )


def perceptual_hashes(paths: Sequence[Path], processes: int | None = None) -> Hashes:
    """The pHash of the image in each path; see `perceptual_hash`."""
    return fingerprints(paths, processes).hashes


def perceptual_hash(grey: Grey) -> np.uint64:
    """The 64-bit pHash of a (H, W) uint8 image, as the package imagehash computes it."""
    import imagehash
    from PIL import Image

    bits = np.asarray(imagehash.phash(Image.fromarray(grey)).hash, np.bool_).reshape(-1)
    return np.packbits(bits).view(">u8").astype(np.uint64)[0]  # type: ignore[no-any-return]


def thumbnail(grey: NDArray[np.generic]) -> NDArray[np.float32]:
    """(H, W) stretched to (SIDE, SIDE), each pixel the mean of the area it covers."""
    pixels = np.ascontiguousarray(grey, np.float32)
    return np.asarray(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _fingerprint(path: Path) -> tuple[np.uint64, NDArray[np.float32], NDArray[np.float32]]:
    image = decode_grey(path)
    return perceptual_hash(image), thumbnail(image), thumbnail(crop(image, crop_box(image)))
