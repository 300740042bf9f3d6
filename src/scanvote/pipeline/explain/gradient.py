"""The one place where explaining depends on what Keras computes on."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np


def gradient(function: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    """Of the sum of what `function` makes of `x`, with respect to `x`, in its shape.

    Args:
        function: from a tensor of Keras's backend to another, differentiable.
    """
    if keras.config.backend() == "jax":
        import jax

        return np.asarray(jax.grad(lambda at: function(at).sum())(jax.numpy.asarray(x)))
    import tensorflow

    at = tensorflow.convert_to_tensor(x)
    with tensorflow.GradientTape() as tape:
        tape.watch(at)
        total = tensorflow.reduce_sum(function(at))
    return np.asarray(tape.gradient(total, at))
