#!/usr/bin/env bash
# Keras 3 trains batch normalisation on TensorFlow without TensorFlow's fused kernel.
#
# Version: Keras 3.15.1 on TensorFlow 2.21.0 (CPU).
# Behaviour: the graph of `BatchNormalization(...)(x, training=True)` has no FusedBatchNorm
#   operation; mean, variance and scaling are elementary operations over whole feature maps, and
#   so are their gradients. `tf.compat.v1.nn.fused_batch_norm` gives the same output to 1e-4.
# Why it matters: whole feature maps are read and written several times more. The training step of
#   an EfficientNet-Lite0 at 192 x 192 on two processor cores was 1.2 to 1.8 times as fast with the
#   fused kernel, the more so the busier the memory. Keras 2 used the fused kernel by itself, so
#   who moves to Keras 3 pays without a word.
# Source: keras/src/layers/normalization/batch_normalization.py (calls ops.moments and
#   ops.batch_normalization) and keras/src/backend/tensorflow/nn.py, read in the installed package.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  "keras==3.15.1" "tensorflow-cpu==2.21.0" "numpy<2.5"
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/env/bin/python" - <<'PYTHON'
import keras
import numpy as np
import tensorflow as tf

scans = np.random.default_rng(1).normal(5, 3, (8, 16, 16, 4)).astype("float32")
layer = keras.layers.BatchNormalization()
layer.build(scans.shape)


@tf.function(autograph=False)
def keras_way(x):
    return layer(x, training=True)


@tf.function(autograph=False)
def fused_way(x):
    return tf.compat.v1.nn.fused_batch_norm(
        x, layer.gamma, layer.beta, epsilon=layer.epsilon, is_training=True
    )[0]


def kinds(function):
    graph = function.get_concrete_function(tf.TensorSpec(scans.shape, "float32")).graph
    return sorted({operation.type for operation in graph.get_operations()})


print("keras", keras.__version__, "on tensorflow", tf.__version__)
print("Keras:", *kinds(keras_way))
print("fused:", *kinds(fused_way))
apart = float(np.abs(keras_way(scans) - fused_way(scans)).max())
print("largest difference of the outputs:", apart)
assert not any(kind.startswith("FusedBatchNorm") for kind in kinds(keras_way)), "it is fused now"
assert any(kind.startswith("FusedBatchNorm") for kind in kinds(fused_way))
assert apart < 1e-4
PYTHON
