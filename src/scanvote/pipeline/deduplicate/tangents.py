"""Screen for images that may be equal after a small affine transform.

The tangent distance of Simard, LeCun and Denker ("Efficient pattern recognition using a new
transformation distance", NIPS 1992): an image under a small change (rotation, shift, stretch or
crop) is the image plus a sum of its derivatives. So the projection of another image on the image
and its derivatives equals, to the first order, the best match over all small changes. It costs a
matrix product instead of a search.
"""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.pipeline.deduplicate.fingerprints import SIDE, Thumbnails
from scanvote.pipeline.deduplicate.hamming import Pairs

Vectors = NDArray[np.float32]
"""(n, PIXELS) float32, mean 0 and length 1; 0 for constant images."""

SMALL = 20
"""Side in pixels: a 3 % crop moves none by over 0.6."""
EDGE = 2
"""Pixels of SMALL ignored per edge, into which cropped-away areas blur."""
PIXELS = (SMALL - 2 * EDGE) ** 2
BLUR = 2.6
"""Standard deviation in pixels of SIDE, for derivatives to reach far enough."""
CUT = 1
"""Pixels of SIDE cropped per margin before derivatives, for 0–3 % crops."""
EXPLAINED = 0.985
"""Smallest share of the variance explained.

Copies rotated by 2° or without 3 % of their margins have 0.992 or more.
"""
BLOCK = 64
"""Images whose tangents are held at once.

With COLUMNS it limits the memory to 60 MB.
"""
COLUMNS = 16384
"""Images that they are compared with at once."""


def tangent_pairs(thumbnails: Thumbnails) -> Iterator[Pairs]:
    """Yield pairs in which a small change of one explains the other.

    The change explains at least the share `EXPLAINED` of the variance. Pairs come in batches, and
    twice if the first order holds in both directions.

    Args:
        thumbnails: uint8 (n, SIDE, SIDE).
    """
    vectors = _unit_vectors(_shrunk(thumbnails, 0))
    for top in range(0, len(thumbnails), BLOCK):
        tangents = _tangents(_shrunk(thumbnails[top : top + BLOCK], CUT))
        for left in range(0, len(thumbnails), COLUMNS):
            explained = _explained_shares(tangents, vectors[left : left + COLUMNS])
            i, j = np.nonzero(explained >= EXPLAINED)
            i, j = i + top, j + left
            other = i != j
            yield np.minimum(i, j)[other], np.maximum(i, j)[other]


def _shrunk(thumbnails: Thumbnails, cut: int) -> NDArray[np.float32]:
    """Blur, crop `cut` pixels per margin, shrink to float32 (n, SMALL, SMALL)."""
    small = np.empty((len(thumbnails), SMALL, SMALL), np.float32)
    for at, one in enumerate(thumbnails):
        smooth = cv2.GaussianBlur(one.astype(np.float32), (0, 0), BLUR)
        inner = smooth[cut : SIDE - cut, cut : SIDE - cut]
        small[at] = cv2.resize(inner, (SMALL, SMALL), interpolation=cv2.INTER_LINEAR)
    return small


def _unit_vectors(images: NDArray[Any]) -> Vectors:
    flat: Vectors = images[:, EDGE:-EDGE, EDGE:-EDGE].reshape(len(images), PIXELS)
    return _normalised(flat - flat.mean(axis=1, keepdims=True))


def _tangents(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an orthonormal basis of each image and its derivatives.

    The derivatives are along both axes, by a stretch of either axis, and by a rotation.

    Returns:
        float32 (n, 6, PIXELS).
    """
    y, x = (np.mgrid[:SMALL, :SMALL] / (SMALL - 1) - 0.5).astype(np.float32)
    down, across = np.asarray(np.gradient(images, axis=(1, 2)))
    basis: list[Vectors] = []
    for derivative in (images, across, down, x * across, y * down, x * down - y * across):
        vector = _unit_vectors(derivative)
        for basis_vector in basis:
            vector = vector - np.einsum("ij,ij->i", vector, basis_vector)[:, None] * basis_vector
        basis.append(_normalised(vector))
    return np.stack(basis, axis=1)


def _normalised(vectors: Vectors) -> Vectors:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    # the rest of a vector in the span of the others is rounding only, so it becomes 0
    normalised: Vectors = np.divide(
        vectors, length, out=np.zeros_like(vectors), where=length > 1e-4
    )
    return normalised


def _explained_shares(tangents: NDArray[np.float32], vectors: Vectors) -> NDArray[np.float32]:
    """Return each vector's share in each row's span, float32 (rows, columns)."""
    rows, changes, _ = tangents.shape
    shared = tangents.reshape(rows * changes, PIXELS) @ vectors.T
    np.square(shared, out=shared)
    total: NDArray[np.float32] = shared.reshape(rows, changes, -1).sum(axis=1)
    return total
