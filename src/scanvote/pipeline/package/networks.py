"""Networks from their Keras archives, and what they say."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

_BATCH = 32
"""Scans at a time: bounds the memory."""


def load_network(path: Path) -> "keras.Model":
    """The network in a Keras archive.

    Raises:
        InputError: the file is missing, or holds no network.
    """
    # Keras must know the layers of our own before it meets them in an archive
    from scanvote.models import backbones, encoders, flip_tta  # noqa: F401
    from scanvote.models.saving import load_saved_model

    return load_saved_model(path, "package")


def predict(model: "keras.Model", scans: np.ndarray) -> np.ndarray:
    """float32 (n, …) of uint8 scans (n, H, W, C)."""
    found = np.zeros((len(scans), *model.output_shape[1:]), np.float32)
    for first in range(0, len(scans), _BATCH):
        part = scans[first : first + _BATCH]
        found[first : first + _BATCH] = model.predict_on_batch(_several(part))[: len(part)]
    return found


def predict_with_features(model: "keras.Model", scans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, d) and what is said (n, …), of `scanvote.models.features.with_features`."""
    found = [np.zeros((len(scans), *shape[1:]), np.float32) for shape in model.output_shape]
    for first in range(0, len(scans), _BATCH):
        part = scans[first : first + _BATCH]
        both = model.predict_on_batch(_several(part))
        for place, said in zip(found, both, strict=True):
            place[first : first + _BATCH] = said[: len(part)]
    return found[0], found[1]


def _several(scans: np.ndarray) -> np.ndarray:
    """A single scan twice: alone, it is multiplied by another routine, which rounds otherwise."""
    return np.repeat(scans, 2, axis=0) if len(scans) == 1 else scans
