"""Out-of-distribution scores: distances from the training scans, with predictions.

A scan is described by a network's features, pooled over all places, and by a few statistics of its
intensities, as features behind a ReLU may tell nothing about an image that is blank or inverted.
Its distance is that to the nearest training scan (Sun et al., "Out-of-distribution detection with
deep nearest neighbors", ICML 2022).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanvote.arrays import memmap_split
from scanvote.core.errors import InputError
from scanvote.core.seeds import rng
from scanvote.pipeline.package.metadata import COMMAND, OodReference
from scanvote.pipeline.package.ood_features import NUMBERS, intensity_statistics
from scanvote.pipeline.package.ood_reference import (
    MOST,
    Descriptors,
    Reference,
    ood_threshold,
    reference_of,
)
from scanvote.pipeline.package.runtime import Network
from scanvote.pipeline.package.stacks import Windows, stack_slices

_AT_ONCE = 256
"""Scans in memory."""
_ROUNDING = 1e-4
"""By more than this the runtimes differ in no distance (5e-5 seen on 200 scans)."""


@dataclass(frozen=True)
class OodScorer:
    """A network that returns predictions and out-of-distribution distances.

    Attributes:
        network: returns features and predictions.
        reference: of its training scans.
        radius: the distance that counts as 1.
    """

    network: Network
    reference: Reference
    radius: float

    def __call__(self, scans: np.ndarray) -> tuple[np.ndarray, NDArray[np.float64]]:
        """Return predictions and distances (n,) of uint8 scans (n, H, W, C)."""
        features, predicted = self.network.predict_with_features(scans)
        descriptors = np.concatenate([features, intensity_statistics(scans)], axis=1)
        return predicted, self.reference.distances(descriptors) / self.radius


def is_outside(distance: float) -> bool:
    """Return whether a scan is outside what its network was trained on.

    1 is the radius within which the share `package.seen` of the validation scans lies: a scan
    beyond it is farther from the training scans than nearly all scans of their kind. The radius is
    itself the distance of a scan, which must not depend on the runtime's rounding.
    """
    return distance > 1 + _ROUNDING


def load_ood_scorer(folder: Path, spec: OodReference, network: Network) -> OodScorer:
    """Read the reference in the package in `folder`.

    Raises:
        InputError: the descriptors are missing or damaged, or belong to another network.
    """
    reference = Reference.read(folder / spec.arrays)
    if network.feature_count + NUMBERS != len(reference.centre):
        raise InputError(f"{folder / spec.arrays} is of another network; run `{COMMAND}`")
    return OodScorer(network, reference, spec.radius)


def write_ood_reference(
    network: Network,
    prepared: Path,
    windows_of: Callable[[np.ndarray], Windows],
    share: float,
    seed: int,
    path: Path,
) -> float:
    """Write descriptors of the training scans, and return the radius.

    There are at most `MOST` scans, without augmented copies.

    Args:
        network: the network.
        prepared: the folder of its task.
        windows_of: returns the windows of the scans of a split, given their scan IDs, as the
            network was trained on.
        share: share of the validation scans that must lie within the radius. They are of other
            groups, by the split.
        seed: seed of the choice, if there are more scans.
        path: the file to write.

    Returns:
        The radius.

    Raises:
        InputError: there are no shards.
    """
    train = memmap_split(prepared, "train")
    rows = _choose_rows(train["scan_ids"], seed)
    windows = windows_of(train["scan_ids"])[rows]
    reference = reference_of(*_describe(network, train["images"], windows))
    reference.write(path)
    validation = memmap_split(prepared, "validation")
    parts = _describe(network, validation["images"], windows_of(validation["scan_ids"]))
    return ood_threshold(reference.distances(np.concatenate(parts, axis=1)), share)


def _choose_rows(names: np.ndarray, seed: int) -> NDArray[np.int64]:
    """Choose the rows of training scans that are described.

    Each scan comes before its augmented copies, which are left out.
    """
    rows = np.sort(np.unique(names, return_index=True)[1])
    order = rng(seed, "package", "seen").permutation(len(rows))
    return np.sort(rows[order[:MOST]])


def _describe(
    network: Network, images: np.ndarray, windows: Windows
) -> tuple[Descriptors, Descriptors]:
    """Return features and intensity statistics of windows of images.

    The images may be memory-mapped.
    """
    features, statistics = list[Descriptors](), list[Descriptors]()
    for first in range(0, len(windows), _AT_ONCE):
        stacks = stack_slices(images, windows[first : first + _AT_ONCE])
        features.append(network.predict_with_features(stacks)[0])
        statistics.append(intensity_statistics(stacks))
    return np.concatenate(features), np.concatenate(statistics)
