"""Which images could be alike but for a small turn, shift, stretch or cut: a screen.

The tangent distance of Simard, LeCun and Denker ("Efficient pattern recognition using a new
transformation distance", NIPS 1992): an image under a small change is the image plus a sum
of its derivatives. So what another image shares with the image and its derivatives is what
it would share with the best of all small changes, to the first order, and costs a matrix
product instead of a search.
"""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.deduplicate.fingerprints import SIDE, Thumbnails
from scanvote.pipeline.deduplicate.hamming import Pairs

Vectors = NDArray[np.float32]
"""(n, PIXELS) float32, each of mean 0 and length 1, or 0 where an image is constant."""

SMALL = 20
"""Pixels a side that are compared: a cut of 3 % moves none of them by more than 0.6."""
EDGE = 2
"""Of them, those at each edge that are left out: what was cut away blurs into them."""
PIXELS = (SMALL - 2 * EDGE) ** 2
BLUR = 2.6
"""Standard deviation in pixels of SIDE, without which derivatives do not reach far enough."""
CUT = 1
"""Pixels of SIDE cut off each margin before derivatives are taken: so 0 to 3 % are near."""
EXPLAINED = 0.985
"""Share of the variance; copies turned by 2° or without 3 % of their margins have 0.992 on."""
BLOCK = 64
"""Images whose tangents are held at a time: with COLUMNS it bounds the memory at 60 MB."""
COLUMNS = 16384
"""Images that they are compared with at a time."""


def tangent_pairs(thumbnails: Thumbnails) -> Iterator[Pairs]:
    """Pairs of which a small change of one explains nearly all of the other, in parts.

    A pair comes twice where the first order holds from either side.

    Args:
        thumbnails: uint8 (n, SIDE, SIDE).
    """
    vectors = _vectors(_blurred(thumbnails, 0))
    for top in range(0, len(thumbnails), BLOCK):
        tangents = _tangents(_blurred(thumbnails[top : top + BLOCK], CUT))
        for left in range(0, len(thumbnails), COLUMNS):
            explained = _explained(tangents, vectors[left : left + COLUMNS])
            i, j = np.nonzero(explained >= EXPLAINED)
            i, j = i + top, j + left
            other = i != j
            yield np.minimum(i, j)[other], np.maximum(i, j)[other]


def _blurred(thumbnails: Thumbnails, cut: int) -> NDArray[np.float32]:
    """(n, SMALL, SMALL) float32, without `cut` pixels of SIDE at each margin."""
    small = np.empty((len(thumbnails), SMALL, SMALL), np.float32)
    for at, one in enumerate(thumbnails):
        smooth = cv2.GaussianBlur(one.astype(np.float32), (0, 0), BLUR)
        inner = smooth[cut : SIDE - cut, cut : SIDE - cut]
        small[at] = cv2.resize(inner, (SMALL, SMALL), interpolation=cv2.INTER_LINEAR)
    return small


def _vectors(images: NDArray[Any]) -> Vectors:
    flat: Vectors = images[:, EDGE:-EDGE, EDGE:-EDGE].reshape(len(images), PIXELS)
    return _unit(flat - flat.mean(axis=1, keepdims=True))


def _tangents(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 6, PIXELS) float32: orthonormal, of each image and its derivatives.

    They are those along both axes, by a stretch of either, and by a turn.
    """
    y, x = (np.mgrid[:SMALL, :SMALL] / (SMALL - 1) - 0.5).astype(np.float32)
    down, across = np.asarray(np.gradient(images, axis=(1, 2)))
    span: list[Vectors] = []
    for change in (images, across, down, x * across, y * down, x * down - y * across):
        vector = _vectors(change)
        for before in span:
            vector = vector - np.einsum("ij,ij->i", vector, before)[:, None] * before
        span.append(_unit(vector))
    return np.stack(span, axis=1)


def _unit(vectors: Vectors) -> Vectors:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    # what is left of a vector that the others span is rounding: it stands for no change
    unit: Vectors = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-4)
    return unit


def _explained(tangents: NDArray[np.float32], vectors: Vectors) -> NDArray[np.float32]:
    """(rows, columns) float32: share of each vector within the span of each row."""
    rows, changes, _ = tangents.shape
    shared = tangents.reshape(rows * changes, PIXELS) @ vectors.T
    np.square(shared, out=shared)
    total: NDArray[np.float32] = shared.reshape(rows, changes, -1).sum(axis=1)
    return total
