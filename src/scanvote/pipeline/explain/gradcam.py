"""Grad-CAM: the last feature map, weighted by the gradient. Selvaraju et al., ICCV 2017.

The gradient is averaged over the places of the map. That loses nothing where global pooling
follows, and much where the map is flattened: dense layers then weigh each place by itself, and
Grad-CAM may light up places that the network never used (Draelos and Carin 2020).
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
    """A network in two, at its last feature map.

    Attributes:
        features: from scans (n, H, W, C) to the feature map (n, h, w, k).
        head: from there to what the last dense layer is given, (n, d).
        last: that layer; its softmax or sigmoid is left out, as behind it the gradient
            vanishes where the network is sure.
        mirrored: the network looks at the mirror image of the scan too.
    """

    features: keras.Model
    head: keras.Model
    last: keras.layers.Dense
    mirrored: bool

    def logits(self, maps: Any) -> Any:
        """(n, outputs) of the feature map."""
        return ops.matmul(self.head(maps, training=False), self.last.kernel) + self.last.bias


def split_at_last_conv(model: keras.Model) -> FeatureSplit | None:
    """Cut a classifier of this project, which ends in a dense layer.

    The feature map is the last tensor of four axes behind a convolution, wherever in nested
    models that is. None where there is no convolution, or where it leaves one position only.
    """
    mirrored = any(isinstance(layer, FlipTTA) for layer in model.layers)
    if mirrored:
        model = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    inputs = keras.Input(model.input_shape[1:])
    steps = layer_calls(model, inputs)
    maps = feature_maps(steps)
    if not maps or maps[-1].shape[1] * maps[-1].shape[2] == 1:
        return None
    head = keras.Model(maps[-1], steps[-1].given)
    return FeatureSplit(keras.Model(inputs, maps[-1]), head, steps[-1].layer, mirrored)


def gradcam(cut: FeatureSplit, image: NDArray[np.uint8], target: int) -> Floats:
    """What speaks for a class, float (H, W), not negative.

    Args:
        cut: of the network.
        image: (H, W, C).
        target: the class.
    """
    there = _map(cut, image, target)
    if not cut.mirrored:
        return there
    return (there + _map(cut, image[:, ::-1], target)[:, ::-1]) / 2


def _map(cut: FeatureSplit, image: NDArray[np.uint8], target: int) -> Floats:
    features = np.asarray(cut.features.predict_on_batch(image[None]))
    found = gradient(lambda at: _of_class(cut.logits(at), target), features)
    weights = found.astype(float).mean(axis=(1, 2))[0]
    coarse = np.maximum(features[0].astype(float) @ weights, 0)
    height, width = image.shape[:2]
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR))


def _of_class(logits: Any, target: int) -> Any:
    """(n,); a single output speaks for the second class, and against the first."""
    if logits.shape[1] > 1:
        return logits[:, target]
    return logits[:, 0] if target == 1 else -logits[:, 0]
