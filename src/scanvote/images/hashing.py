"""Fingerprints of images: a perceptual hash that shortlists, thumbnails that confirm."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.crop import crop, crop_box
from scanvote.images.decode import Grey, decode_grey
from scanvote.images.neighbours import Hashes
from scanvote.parallel import streamed

SIDE = 64
"""Pixels a side of a thumbnail."""

Thumbnails = NDArray[np.uint8]
"""(n, SIDE, SIDE) uint8, grey values."""


@dataclass(frozen=True)
class Fingerprints:
    """What is compared of n images, in the order of the images: 8 KiB an image.

    Attributes:
        hashes: pHash of each, uint64 of shape (n,).
        thumbnails: of the whole images, uint8 of shape (n, 64, 64).
        cropped: of the images cropped to the brain, uint8 of shape (n, 64, 64).
    """

    hashes: Hashes
    thumbnails: Thumbnails
    cropped: Thumbnails


def fingerprints(paths: Sequence[Path], processes: int | None = None) -> Fingerprints:
    """Decode each image once and take its hash and its two thumbnails.

    Raises:
        DecodeError: an image is missing or not whole.
    """
    shape = (len(paths), SIDE, SIDE)
    prints = Fingerprints(
        np.empty(len(paths), np.uint64), np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    )
    for at, one in enumerate(streamed(_fingerprint, paths, "Hash", processes)):
        prints.hashes[at], prints.thumbnails[at], prints.cropped[at] = one
    return prints


def perceptual_hash(grey: Grey) -> np.uint64:
    """The 64-bit pHash of a (H, W) uint8 image, as the package imagehash computes it."""
    import imagehash
    from PIL import Image

    bits = imagehash.phash(Image.fromarray(grey)).hash
    return np.packbits(bits).view(">u8")[0].astype(np.uint64)  # type: ignore[no-any-return]


def thumbnail(grey: Grey) -> Grey:
    """(H, W) stretched to (SIDE, SIDE), each pixel the mean of the area it covers."""
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _fingerprint(path: Path) -> tuple[np.uint64, Grey, Grey]:
    image = decode_grey(path)
    head = np.asarray(crop(image, crop_box(image)), np.uint8)
    return perceptual_hash(image), thumbnail(image), thumbnail(head)
