"""Input specification and output layer of the networks."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class InputSpec:
    """Input shape and number of outputs of a network.

    Attributes:
        shape: (H, W, C) of the scans.
        outputs: 1 for a sigmoid, the probability of the second of two classes; otherwise the
            number of classes of a softmax.
        mirror: folder that may hold pretrained weights, in itself or in its ``weights``.
    """

    shape: tuple[int, int, int]
    outputs: int
    mirror: Path | None = None


def output_head(x: "keras.KerasTensor", outputs: int) -> "keras.KerasTensor":
    """Add a softmax, or a sigmoid for one output, always in float32."""
    from keras import layers  # here, because packages answer without Keras

    activation = "sigmoid" if outputs == 1 else "softmax"
    return layers.Dense(outputs, activation=activation, dtype="float32")(x)


def to_class_probabilities(predicted: np.ndarray) -> np.ndarray:
    """Convert predictions to probabilities (n, classes); a sigmoid is the second class."""
    if predicted.shape[1] > 1:
        return predicted
    return np.concatenate([1 - predicted, predicted], axis=1)
