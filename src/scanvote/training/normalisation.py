"""Batch normalisation with TensorFlow's fused kernel during training.

Keras 3 computes the mean, the variance and their gradients with elementary operations, which read
and write whole feature maps several times. TensorFlow's fused kernel computes the same (Ioffe and
Szegedy, ICML 2015) in one pass: a training step of EfficientNet was 1.2 to 1.8 times as fast on a
CPU (benchmarks/normalisation.py).
"""

from types import MethodType
from typing import Any

import keras

from scanvote.models.layer_calls import leaf_layers


def fuse_normalisation(model: keras.Model) -> None:
    """Train the batch normalisation of `model` with the fused kernel if possible.

    The class, the settings and the weights of the layers stay as they are, and so does a saved
    model; prediction is untouched. On backends other than TensorFlow nothing changes.
    """
    if keras.config.backend() != "tensorflow":
        return
    for layer in leaf_layers(model):
        if type(layer) is keras.layers.BatchNormalization and _is_plain(layer):
            layer.call = MethodType(_call, layer)


def _is_plain(layer: Any) -> bool:
    """Tell if the layer's settings are those of the fused kernel.

    These are the last axis, a scale, an offset, and float32.
    """
    last = layer.axis in (3, -1) and layer.scale and layer.center
    return bool(last and not layer.synchronized and layer.compute_dtype == "float32")


def _call(self: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    if not training or not self.trainable or mask is not None or len(inputs.shape) != 4:
        return type(self).call(self, inputs, training=training, mask=mask)
    import tensorflow

    outputs, mean, variance = tensorflow.compat.v1.nn.fused_batch_norm(
        inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
    )
    # the kernel returns the sample variance (n - 1), Keras keeps the batch's own (n)
    count = tensorflow.cast(tensorflow.size(inputs) / self.gamma.shape[0], variance.dtype)
    for moving, new in (
        (self.moving_mean, mean),
        (self.moving_variance, variance * (count - 1) / count),
    ):
        moving.assign(moving * self.momentum + new * (1 - self.momentum))
    return outputs
