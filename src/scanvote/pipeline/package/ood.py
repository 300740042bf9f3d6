"""How far scans are from those of the training, found while a network is asked about them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scanvote.arrays import memmap_split
from scanvote.core.errors import InputError
from scanvote.core.seeds import rng
from scanvote.pipeline.package.metadata import OodReference
from scanvote.pipeline.package.networks import predict_with_features
from scanvote.pipeline.package.ood_features import NUMBERS, intensity_statistics
from scanvote.pipeline.package.ood_reference import (
    MOST,
    Descriptors,
    Reference,
    ood_threshold,
    reference_of,
)

if TYPE_CHECKING:
    import keras

_AT_ONCE = 256
"""Scans in memory."""


@dataclass(frozen=True)
class OodScorer:
    """A network that tells, with its answer, how far a scan is from all that it has seen.

    Attributes:
        network: gives features and what it says (`scanvote.models.features`).
        reference: of the scans of its training.
        radius: the distance that counts as 1.
    """

    network: "keras.Model"
    reference: Reference
    radius: float

    def __call__(self, scans: np.ndarray) -> tuple[np.ndarray, NDArray[np.float64]]:
        """What the network says of uint8 (n, H, W, C), and the distances (n,)."""
        features, said = predict_with_features(self.network, scans)
        descriptors = np.concatenate([features, intensity_statistics(scans)], axis=1)
        return said, self.reference.distances(descriptors) / self.radius


def load_ood_scorer(folder: Path, seen: OodReference, model: "keras.Model") -> OodScorer:
    """Read what lies in the package in `folder`.

    Raises:
        InputError: the descriptors are missing or damaged, or of another network.
    """
    from scanvote.models.features import with_features  # imports Keras

    network, reference = with_features(model), Reference.read(folder / seen.arrays)
    if network.output_shape[0][1] + NUMBERS != len(reference.centre):
        raise InputError(f"{folder / seen.arrays} is of another network; run `dvc repro package`")
    return OodScorer(network, reference, seen.radius)


def write_ood_reference(
    model: "keras.Model", prepared: Path, slices: int, share: float, seed: int, path: Path
) -> float:
    """Write the descriptors of the training's scans, at most `MOST`, without augmented copies.

    Args:
        model: the network.
        prepared: the folder of its task.
        slices: that it is shown, of which each scan by itself takes all places.
        share: of the validation's scans that are to count as like them. These are of other
            groups, by the split.
        seed: of the choice, where there are more.
        path: to write to.

    Returns:
        The radius.

    Raises:
        InputError: there are no shards.
    """
    from scanvote.models.features import with_features  # imports Keras

    network, train = with_features(model), memmap_split(prepared, "train")
    rows = _scans_of(train["scan_ids"], seed)
    reference = reference_of(*_described(network, train["images"], rows, slices))
    reference.write(path)
    validation = memmap_split(prepared, "validation")["images"]
    parts = _described(network, validation, np.arange(len(validation)), slices)
    return ood_threshold(reference.distances(np.concatenate(parts, axis=1)), share)


def _scans_of(names: np.ndarray, seed: int) -> NDArray[np.int64]:
    """The rows of scans, each before its copies, that are described."""
    rows = np.sort(np.unique(names, return_index=True)[1])
    order = rng(seed, "package", "seen").permutation(len(rows))
    return np.sort(rows[order[:MOST]])


def _described(
    network: "keras.Model", images: np.ndarray, rows: NDArray[np.int64], slices: int
) -> tuple[Descriptors, Descriptors]:
    """Features and appearance of these rows of images that may lie in a file."""
    features, looks = list[Descriptors](), list[Descriptors]()
    for first in range(0, len(rows), _AT_ONCE):
        stacks = np.concatenate([images[rows[first : first + _AT_ONCE]]] * slices, axis=-1)
        features.append(predict_with_features(network, stacks)[0])
        looks.append(intensity_statistics(stacks))
    return np.concatenate(features), np.concatenate(looks)
