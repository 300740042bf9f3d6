"""Batch normalisation by TensorFlow's fused kernel while a network trains.

Keras 3 computes the mean, the variance and their gradients by elementary operations, which read
and write whole feature maps several times. TensorFlow's fused kernel computes the same (Ioffe and
Szegedy, ICML 2015) in one pass: an EfficientNet's step was 1.2 to 1.8 times as fast on a
processor (benchmarks/normalisation.py).
"""

from types import MethodType
from typing import Any

import keras


def fuse_normalisation(model: keras.Model) -> None:
    """Let the batch normalisation of `model` train by the fused kernel, where it can.

    The class, the settings and the weights of the layers stay as they are, and so does what a
    saved model holds; prediction is untouched. On other backends nothing changes.
    """
    if keras.config.backend() != "tensorflow":
        return
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            fuse_normalisation(layer)
        elif type(layer) is keras.layers.BatchNormalization and _is_plain(layer):
            layer.call = MethodType(_call, layer)


def _is_plain(layer: Any) -> bool:
    """Whether it normalises the last axis, scales and shifts, in single precision."""
    last = layer.axis in (3, -1) and layer.scale and layer.center
    return bool(last and not layer.synchronized and layer.compute_dtype == "float32")


def _call(self: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    if not training or not self.trainable or mask is not None or len(inputs.shape) != 4:
        return type(self).call(self, inputs, training=training, mask=mask)
    import tensorflow

    outputs, mean, variance = tensorflow.compat.v1.nn.fused_batch_norm(
        inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
    )
    # the kernel tells the variance of a sample, Keras keeps that of the batch
    count = tensorflow.cast(tensorflow.size(inputs) / self.gamma.shape[0], variance.dtype)
    for kept, new in (
        (self.moving_mean, mean),
        (self.moving_variance, variance * (count - 1) / count),
    ):
        kept.assign(kept * self.momentum + new * (1 - self.momentum))
    return outputs
