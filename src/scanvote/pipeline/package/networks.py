"""Networks from their Keras archives, and their predictions."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

_BATCH = 32
"""Scans in a batch: bounds the memory."""


def load_network(path: Path) -> "keras.Model":
    """Load the network in a Keras archive.

    Raises:
        InputError: the file is missing, or holds no network.
    """
    # Keras must know our own layers before it reads them in an archive
    from scanvote.models import backbones, encoders, flip_tta  # noqa: F401
    from scanvote.models.saving import load_saved_model

    return load_saved_model(path, "package")


def predict(model: "keras.Model", scans: np.ndarray) -> np.ndarray:
    """Predict in batches.

    Returns float32 (n, …) for uint8 scans (n, H, W, C).
    """
    output = np.zeros((len(scans), *model.output_shape[1:]), np.float32)
    for first in range(0, len(scans), _BATCH):
        part = scans[first : first + _BATCH]
        output[first : first + _BATCH] = model.predict_on_batch(_two_or_more(part))[: len(part)]
    return output


def predict_with_features(model: "keras.Model", scans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return features (n, d) and predictions (n, …).

    Args:
        model: of `scanvote.models.features.with_features`.
        scans: uint8 (n, H, W, C).
    """
    outputs = [np.zeros((len(scans), *shape[1:]), np.float32) for shape in model.output_shape]
    for first in range(0, len(scans), _BATCH):
        part = scans[first : first + _BATCH]
        both = model.predict_on_batch(_two_or_more(part))
        for array, values in zip(outputs, both, strict=True):
            array[first : first + _BATCH] = values[: len(part)]
    return outputs[0], outputs[1]


def _two_or_more(scans: np.ndarray) -> np.ndarray:
    """Repeat a single scan, to avoid batches of one.

    A batch of one is multiplied by another routine, with different rounding.
    """
    return np.repeat(scans, 2, axis=0) if len(scans) == 1 else scans
