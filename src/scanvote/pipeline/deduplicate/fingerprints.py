"""Image fingerprints: a perceptual hash to shortlist, thumbnails to confirm."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanvote.core.parallel import Files, parallel_imap
from scanvote.images.crop import Box, crop_box
from scanvote.images.decode import Grey, decode_grey
from scanvote.pipeline.deduplicate.area_means import AreaMeans
from scanvote.pipeline.deduplicate.hamming import Hashes

SIDE = 64
"""Height and width of a thumbnail in pixels."""

WAVES = np.rint(2**14 * np.cos(np.pi * np.outer(np.arange(8), np.arange(SIDE) + 0.5) / SIDE))
"""(8, SIDE) float64, integers: the lowest frequencies of the DCT-II."""

BLOCK = 256
"""Thumbnails hashed at once: limits the memory to about 10 MB."""

Thumbnails = NDArray[np.uint8]
"""(n, SIDE, SIDE) uint8, grey values."""


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of n images in their order, 8 KiB per image.

    Attributes:
        hashes: pHash of each image, uint64 (n,).
        thumbnails: thumbnails of the whole images, uint8 (n, 64, 64).
        cropped: thumbnails of the images cropped to the head, uint8 (n, 64, 64).
    """

    hashes: Hashes
    thumbnails: Thumbnails
    cropped: Thumbnails

    def of(self, rows: NDArray[np.int64]) -> "Fingerprints":
        """Return the fingerprints of some images, without a copy if it is all of them."""
        if len(rows) == len(self.hashes):
            return self
        return Fingerprints(self.hashes[rows], self.thumbnails[rows], self.cropped[rows])


def fingerprints(paths: Sequence[Path], processes: int | None = None) -> Fingerprints:
    """Decode each image once, and compute its hash and two thumbnails.

    Raises:
        DecodeError: an image is missing or damaged.
    """
    shape = (len(paths), SIDE, SIDE)
    whole, cropped = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    made = parallel_imap(_thumbnails, paths, "Hash", processes, lambda path: Files.to_read([path]))
    for at, one in enumerate(made):
        whole[at], cropped[at] = one
    return Fingerprints(perceptual_hashes(whole), whole, cropped)


def perceptual_hashes(thumbnails: Thumbnails) -> Hashes:
    """Return the 64-bit pHash of each thumbnail.

    The bits are in the order of the package imagehash. Each of the 8 × 8 lowest frequencies is
    compared with their median. imagehash takes them from 32 × 32 pixels under a Lanczos filter,
    which hardly changes such low frequencies, but would take longer than everything else: at
    most a few of the 64 bits of a scan differ.
    """
    hashes = np.empty(len(thumbnails), np.uint64)
    for start in range(0, len(thumbnails), BLOCK):
        # integers below 2^53: exact in any order of summation
        lowest = WAVES @ thumbnails[start : start + BLOCK].astype(np.float64) @ WAVES.T
        lowest = lowest.reshape(len(lowest), -1)
        above = lowest > np.median(lowest, axis=1, keepdims=True)
        hashes[start : start + BLOCK] = np.packbits(above, axis=1).view(">u8")[:, 0]
    return hashes


def thumbnail(grey: Grey) -> Grey:
    """Stretch (H, W) to (SIDE, SIDE); each pixel is an area mean."""
    return AreaMeans(grey).of(_whole_box(grey), SIDE)


def _thumbnails(path: Path) -> tuple[Grey, Grey]:
    """Return the thumbnails of the whole image and of the head."""
    image = decode_grey(path)
    means, whole, head = AreaMeans(image), _whole_box(image), crop_box(image)
    small = means.of(whole, SIDE)
    return small, small if head == whole else means.of(head, SIDE)


def _whole_box(grey: Grey) -> Box:
    height, width = grey.shape
    return 0, 0, width, height
