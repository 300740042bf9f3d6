"""Tiny networks whose secrets are known."""

import keras
import numpy as np
from keras import layers

from scanvote.pipeline.ensemble.vote import Stacking, Vote
from scanvote.pipeline.explain.panel import ExplainableEnsemble, in_keras

SIDE = 24
REGION = (slice(4, 10), slice(12, 18))
"""Rows and columns, the only ones that `looking` looks at."""


@keras.saving.register_keras_serializable("tests")
class Only(layers.Layer):
    """Black but for `REGION`."""

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return x * keras.ops.convert_to_tensor(region()[None, ..., None].astype("float32"))


def region() -> np.ndarray:
    """bool (SIDE, SIDE)."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[REGION] = True
    return mask


def looking(strength: float = 20.0, outputs: int = 2) -> keras.Model:
    """Says the second of two classes where the region is bright; with 0 it says nothing."""
    inputs = keras.Input((SIDE, SIDE, 1))
    x = layers.Rescaling(1 / 255)(inputs)
    x = Only()(x)
    x = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")(x)
    x = layers.GlobalAveragePooling2D()(x)
    last = layers.Dense(outputs, activation="softmax" if outputs > 1 else "sigmoid")
    model = keras.Model(inputs, last(x))
    last.kernel.assign([[-strength / 2, strength / 2]] if outputs > 1 else [[strength]])
    return model


def plain() -> keras.Model:
    """No convolution; it looks a little at everything."""
    inputs = keras.Input((SIDE, SIDE, 1))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    start = keras.initializers.RandomNormal(stddev=0.01, seed=1)
    last = layers.Dense(2, activation="softmax", kernel_initializer=start)
    return keras.Model(inputs, last(x))


def bright() -> np.ndarray:
    """uint8 (SIDE, SIDE, 1): noise, and in the region a bright square."""
    image = np.random.default_rng(5).integers(40, 90, (SIDE, SIDE, 1)).astype(np.uint8)
    image[REGION] = 230
    return image


def vote_of(*names: str) -> Vote:
    """Soft, of two classes, untempered."""
    count = len(names)
    return Vote(
        rule="soft",
        labels=("no_tumor", "tumor"),
        members=names,
        temperatures=(1.0,) * count,
        weights=(1 / count,) * count,
        stacking=Stacking(((0.0,) * 2 * count,) * 2, (0.0, 0.0)),
    )


def panel_of(**models: keras.Model) -> ExplainableEnsemble:
    members = [in_keras(name, model) for name, model in models.items()]
    return ExplainableEnsemble(vote_of(*models), members)
