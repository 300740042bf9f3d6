"""Gradients, the only backend-dependent part of the explanations."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np


def gradient(function: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    """Return the gradient of the sum of `function(x)` with respect to `x`.

    It has the shape of `x`.

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
