"""What every network of a search is built for, and how its answer leaves it."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers


@dataclass(frozen=True)
class InputSpec:
    """What a classifier is given and asked.

    Attributes:
        shape: (H, W, C) of the scans.
        outputs: 1 for a sigmoid, the probability of the second of two classes; else a
            softmax of so many classes.
        mirror: folder that may hold trained weights, in itself or in its ``weights``.
    """

    shape: tuple[int, int, int]
    outputs: int
    mirror: Path | None = None


def output_head(x: keras.KerasTensor, outputs: int) -> keras.KerasTensor:
    """Dense softmax, or sigmoid for one output; float32, also behind layers of less."""
    activation = "sigmoid" if outputs == 1 else "softmax"
    return layers.Dense(outputs, activation=activation, dtype="float32")(x)


def to_class_probabilities(predicted: np.ndarray) -> np.ndarray:
    """float (n, classes) of what a network says: a sigmoid speaks of the second class."""
    if predicted.shape[1] > 1:
        return predicted
    return np.concatenate([1 - predicted, predicted], axis=1)
