"""What a network makes of a scan, had with what it says."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from scanvote.models import ann, cnn, transfer, unet
from scanvote.models.features import with_features
from scanvote.models.flip_tta import with_flip_tta
from scanvote.models.input_spec import InputSpec
from scanvote.params import Params

BRIEF = InputSpec((32, 32, 1), 3)
SCANS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1)).astype(np.uint8)
MASKS = {"filters": 2, "normalisation": "none", "block": "plain", "attention": True, "dropout": 0.1}


def of_ann(params: Params) -> keras.Model:
    return ann.build({"dense_layers": 1, "units": 4}, BRIEF, params.ann)


def of_regression(params: Params) -> keras.Model:
    return ann.build({"dense_layers": 0, "units": 4}, BRIEF, params.ann)


def of_cnn(params: Params) -> keras.Model:
    values = {"convolutions": 2, "filters": 5, "dense_layers": 1}
    return cnn.build(values, BRIEF, params.cnn)


def of_mirror(params: Params) -> keras.Model:
    return with_flip_tta(of_cnn(params))


def of_transfer(params: Params) -> keras.Model:
    """Its blocks hold gates of one place each."""
    values = {"backbone": "EfficientNetV2B0", "pooling": "max", "units": 4, "dropout": 0.1}
    brief = InputSpec((64, 64, 1), 3)
    return transfer.build(values, brief, params.transfer.model_copy(update={"weights": "none"}))


def of_unet(params: Params) -> keras.Model:
    return unet.build(MASKS, BRIEF, params.unet)


@pytest.mark.parametrize(
    ("build", "features"),
    [
        (of_ann, 4),
        (of_regression, 3),
        (of_cnn, 5),
        (of_mirror, 5),
        (of_transfer, 1280),
        (of_unet, 32),
    ],
)
def test_it_says_what_it_said_and_gives_features_of_the_coarsest_map(
    build: Callable[[Params], keras.Model], features: int, params: Params
) -> None:
    model = build(params)
    side = model.input_shape[1]
    scans = np.resize(SCANS, (3, side, side, 1))
    found, said = with_features(model).predict_on_batch(scans)
    assert found.shape == (3, features)
    assert said == pytest.approx(model.predict_on_batch(scans), abs=1e-6)
    assert found.std(axis=0).max() > 0


def test_features_are_the_means_over_the_places() -> None:
    inputs = keras.Input((32, 32, 1))
    fine = layers.Conv2D(3, 3, strides=2)(inputs)
    coarse = layers.Conv2D(2, 3, strides=4)(fine)
    back = layers.UpSampling2D(8)(coarse)
    model = keras.Model(inputs, layers.Conv2D(1, 1)(back))
    there = keras.Model(inputs, coarse).predict_on_batch(SCANS)
    found, _ = with_features(model).predict_on_batch(SCANS)
    assert found == pytest.approx(there.mean(axis=(1, 2)), rel=1e-5)


def test_a_map_of_one_place_serves_where_there_is_no_other() -> None:
    inputs = keras.Input((32, 32, 1))
    x = layers.Flatten()(layers.Conv2D(6, 32)(inputs))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    assert with_features(model).output_shape == [(None, 6), (None, 3)]


def test_layers_of_one_name_in_nested_networks_are_told_apart() -> None:
    inner = keras.Input((32, 32, 1))
    x = layers.Dropout(0.1, name="same")(layers.Conv2D(4, 3, name="map")(inner))
    backbone = keras.Model(inner, x)
    inputs = keras.Input((32, 32, 1))
    x = layers.GlobalAveragePooling2D(name="global_average_pooling2d")(backbone(inputs))
    x = layers.Dense(3, name="map")(layers.Dropout(0.1, name="same")(x))
    model = keras.Model(inputs, x)
    before = model.predict_on_batch(SCANS)
    for told in (with_features(model), with_features(model)):
        _, said = told.predict_on_batch(SCANS)
        assert said == pytest.approx(before, abs=1e-6)
