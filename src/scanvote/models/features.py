"""What a network makes of a scan on the way to its answer, had with the answer in one pass."""

from typing import Any

import keras
from keras import layers

from scanvote.models.layer_calls import LayerCall, feature_maps, layer_calls


def with_features(model: keras.Model) -> keras.Model:
    """The network with two outputs: features (n, d), and what it says.

    The features are the means over the places of the coarsest feature map, of a U-Net its
    bottleneck. A map of a single place, as of gates in the middle of a network, counts only where
    there is no other. Of a network without convolutions they are what its last hidden layer makes,
    and where it has none what it says: never the pixels. The layers are those of `model`, not
    copies.
    """
    inputs = keras.Input(model.input_shape[1:], name="scan")
    steps = layer_calls(model, inputs)
    return keras.Model(inputs, [_features(steps), steps[-1].made])


def _features(steps: list[LayerCall]) -> Any:
    maps = feature_maps(steps)
    if not maps:
        dense = [step for step in steps if isinstance(step.layer, layers.Dense)]
        return dense[-1].given if len(dense) > 1 else dense[-1].made
    several = [one for one in maps if _places(one) > 1] or maps
    fewest = min(map(_places, several))
    coarsest = [one for one in several if _places(one) == fewest][-1]
    pool = layers.GlobalAveragePooling2D(dtype="float32", name="scanvote_features")
    return pool(coarsest)


def _places(feature_map: Any) -> int:
    return int(feature_map.shape[1] * feature_map.shape[2])
