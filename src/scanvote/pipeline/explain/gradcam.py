"""Grad-CAM: the last feature map, weighted by the gradient.

Selvaraju et al., ICCV 2017. The gradient is averaged over the positions of the map. That loses
nothing if global pooling follows, and much if the map is flattened: dense layers then weight each
position by itself, and Grad-CAM may highlight positions that the network never used (Draelos and
Carin 2020).
"""

from dataclasses import dataclass
from typing import Any

import cv2
import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from scanvote.models.flip_tta import FlipTTA
from scanvote.models.layer_calls import feature_maps, layer_calls
from scanvote.pipeline.explain.gradient import gradient
from scanvote.pipeline.explain.perturbation import Floats


@dataclass(frozen=True)
class FeatureSplit:
    """A network split in two at its last feature map.

    Attributes:
        features: from scans (n, H, W, C) to the feature map (n, h, w, k).
        head: from the feature map to the input of the last dense layer, (n, d).
        last: that layer; its softmax or sigmoid is left out, because the gradient behind it
            vanishes if the network is confident.
        flip_tta: whether the network also predicts on the mirrored scan (test-time augmentation).
    """

    features: keras.Model
    head: keras.Model
    last: keras.layers.Dense
    flip_tta: bool

    def logits(self, maps: Any) -> Any:
        """Return the logits (n, outputs) for the feature map."""
        return ops.matmul(self.head(maps, training=False), self.last.kernel) + self.last.bias


def split_at_last_conv(model: keras.Model) -> FeatureSplit | None:
    """Split a classifier of this project, which ends in a dense layer.

    The feature map is the last tensor with four axes behind a convolution, also inside nested
    models. None if there is no convolution, if its output has a single position, or if the network
    joins features of several maps, so that the last one alone does not decide.
    """
    flip_tta = any(isinstance(layer, FlipTTA) for layer in model.layers)
    if flip_tta:
        model = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    inputs = keras.Input(model.input_shape[1:])
    calls = layer_calls(model, inputs)
    maps = feature_maps(calls)
    if not maps or maps[-1].shape[1] * maps[-1].shape[2] == 1:
        return None
    try:
        head = keras.Model(maps[-1], calls[-1].given)
    except ValueError:  # the class depends on other maps as well
        return None
    return FeatureSplit(keras.Model(inputs, maps[-1]), head, calls[-1].layer, flip_tta)


def gradcam(split: FeatureSplit, image: NDArray[np.uint8], target: int) -> Floats:
    """Return the non-negative evidence for a class, float (H, W).

    Args:
        split: of the network.
        image: (H, W, C).
        target: the class.
    """
    direct = _map(split, image, target)
    if not split.flip_tta:
        return direct
    return (direct + _map(split, image[:, ::-1], target)[:, ::-1]) / 2


def _map(split: FeatureSplit, image: NDArray[np.uint8], target: int) -> Floats:
    features = np.asarray(split.features.predict_on_batch(image[None]))
    gradients = gradient(lambda at: _class_logit(split.logits(at), target), features)
    weights = gradients.astype(float).mean(axis=(1, 2))[0]
    coarse = np.maximum(features[0].astype(float) @ weights, 0)
    height, width = image.shape[:2]
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR))


def _class_logit(logits: Any, target: int) -> Any:
    """Return the logit of a class, (n,).

    A single output is the logit of the second class; its negative is used for the first.
    """
    if logits.shape[1] > 1:
        return logits[:, target]
    return logits[:, 0] if target == 1 else -logits[:, 0]
