"""Networks from their Keras archives, and their predictions."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

_BATCH = 32
"""Scans in a batch: bounds the memory."""


class KerasNetwork:
    """A network in Keras; see `scanvote.pipeline.package.runtime.Network`."""

    def __init__(self, model: "keras.Model") -> None:
        self.model = model

    def predict(self, scans: np.ndarray) -> NDArray[np.float32]:
        return _predict(self.model, scans)[0]

    def predict_with_features(
        self, scans: np.ndarray
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        features, predictions = _predict(self._with_features, scans)
        return features, predictions

    @property
    def feature_count(self) -> int:
        return int(self._with_features.output_shape[0][1])

    @cached_property
    def _with_features(self) -> "keras.Model":
        from scanvote.models.features import with_features  # imports Keras

        return with_features(self.model)


def load_network(path: Path) -> "keras.Model":
    """Load the network in a Keras archive.

    Raises:
        InputError: the file is missing, or holds no network.
    """
    # Keras must know our own layers before it reads them in an archive
    from scanvote.models import backbones, encoders, flip_tta  # noqa: F401
    from scanvote.models.saving import load_saved_model

    return load_saved_model(path, "package")


def _predict(model: "keras.Model", scans: np.ndarray) -> list[NDArray[np.float32]]:
    """Return each output for uint8 scans (n, H, W, C), in batches."""
    shapes = [output.shape[1:] for output in model.outputs]
    outputs = [np.zeros((len(scans), *shape), np.float32) for shape in shapes]
    for first in range(0, len(scans), _BATCH):
        part = scans[first : first + _BATCH]
        found = model.predict_on_batch(_two_or_more(part))
        for output, values in zip(outputs, found if len(outputs) > 1 else [found], strict=True):
            output[first : first + _BATCH] = values[: len(part)]
    return outputs


def _two_or_more(scans: np.ndarray) -> np.ndarray:
    """Repeat a single scan, to avoid batches of one.

    A batch of one is multiplied by another routine of TensorFlow, with different rounding.
    """
    return np.repeat(scans, 2, axis=0) if len(scans) == 1 else scans
