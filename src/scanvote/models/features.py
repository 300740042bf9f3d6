"""Features of a scan inside a network, returned together with its prediction."""

from typing import Any

import keras
from keras import layers

from scanvote.models.layer_calls import LayerCall, feature_maps, layer_calls


def with_features(model: keras.Model) -> keras.Model:
    """Return the network with two outputs: features (n, d), and its prediction.

    The features are the spatial means of the coarsest feature map, which is the bottleneck of a
    U-Net. A feature map of a single pixel, such as that of a gate inside the network, is used only
    if there is no other. Without convolutions the features are the output of the last hidden
    layer, and without a hidden layer the prediction itself: never the pixels. The layers are those
    of `model`, not copies.
    """
    inputs = keras.Input(model.input_shape[1:], name="scan")
    calls = layer_calls(model, inputs)
    return keras.Model(inputs, [_features(calls), calls[-1].made])


def _features(calls: list[LayerCall]) -> Any:
    maps = feature_maps(calls)
    if not maps:
        dense = [call for call in calls if isinstance(call.layer, layers.Dense)]
        return dense[-1].given if len(dense) > 1 else dense[-1].made
    spatial = [one for one in maps if _pixels(one) > 1] or maps
    min_pixels = min(map(_pixels, spatial))
    coarsest = [one for one in spatial if _pixels(one) == min_pixels][-1]
    pool = layers.GlobalAveragePooling2D(dtype="float32", name="scanvote_features")
    return pool(coarsest)


def _pixels(feature_map: Any) -> int:
    return int(feature_map.shape[1] * feature_map.shape[2])
