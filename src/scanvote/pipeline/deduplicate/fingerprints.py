"""Fingerprints of images: a perceptual hash that shortlists, thumbnails that confirm."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanvote.core.parallel import parallel_imap
from scanvote.images.crop import Box, crop_box
from scanvote.images.decode import Grey, decode_grey
from scanvote.pipeline.deduplicate.area_means import AreaMeans
from scanvote.pipeline.deduplicate.hamming import Hashes

SIDE = 64
"""Pixels a side of a thumbnail."""

WAVES = np.rint(2**14 * np.cos(np.pi * np.outer(np.arange(8), np.arange(SIDE) + 0.5) / SIDE))
"""(8, SIDE) float64, whole numbers: the slowest waves of the cosine transform (DCT-II)."""

BLOCK = 256
"""Thumbnails hashed at a time: bounds the memory at about 10 MB."""

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
    whole, cropped = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    for at, one in enumerate(parallel_imap(_thumbnails, paths, "Hash", processes)):
        whole[at], cropped[at] = one
    return Fingerprints(perceptual_hashes(whole), whole, cropped)


def perceptual_hashes(thumbnails: Thumbnails) -> Hashes:
    """The 64-bit pHash of each thumbnail, its bits in the order of the package imagehash.

    Each of the 8 × 8 lowest frequencies is compared with their median. imagehash takes them of
    32 × 32 pixels under a Lanczos filter, which hardly touches waves that long, but would take
    longer than all else: of the 64 bits of a scan at most a few differ.
    """
    hashes = np.empty(len(thumbnails), np.uint64)
    for start in range(0, len(thumbnails), BLOCK):
        # whole numbers below 2^53: exact, in whatever order they are summed
        lowest = WAVES @ thumbnails[start : start + BLOCK].astype(np.float64) @ WAVES.T
        lowest = lowest.reshape(len(lowest), -1)
        above = lowest > np.median(lowest, axis=1, keepdims=True)
        hashes[start : start + BLOCK] = np.packbits(above, axis=1).view(">u8")[:, 0]
    return hashes


def thumbnail(grey: Grey) -> Grey:
    """(H, W) stretched to (SIDE, SIDE), each pixel the mean of the area it covers."""
    return AreaMeans(grey).of(_whole(grey), SIDE)


def _thumbnails(path: Path) -> tuple[Grey, Grey]:
    """Of the whole image, and of the head."""
    image = decode_grey(path)
    means, whole, head = AreaMeans(image), _whole(image), crop_box(image)
    small = means.of(whole, SIDE)
    return small, small if head == whole else means.of(head, SIDE)


def _whole(grey: Grey) -> Box:
    height, width = grey.shape
    return 0, 0, width, height
