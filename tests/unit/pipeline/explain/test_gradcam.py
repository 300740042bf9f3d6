"""Where a network is cut, and what its gradient is of."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers, ops

from scanvote.models import ann, cnn, transfer
from scanvote.models.flip_tta import with_flip_tta
from scanvote.models.input_spec import InputSpec
from scanvote.models.saving import save_model
from scanvote.params import Params
from scanvote.pipeline.explain.gradcam import gradcam, split_at_last_conv
from tests.unit.pipeline.explain.networks import SIDE, bright, looking, region

BRIEF = InputSpec((40, 40, 1), 3)


def of_cnn(params: Params) -> keras.Model:
    values = {"convolutions": 2, "filters": 4, "dense_layers": 1}
    return cnn.build(values, BRIEF, params.cnn)


def of_transfer(params: Params) -> keras.Model:
    values = {"backbone": "MobileNetV2", "pooling": "max", "units": 4, "dropout": 0.1}
    return transfer.build(values, BRIEF, params.transfer.model_copy(update={"weights": "none"}))


def of_pooled_backbone(params: Params) -> keras.Model:
    """A backbone that ends behind its last feature map."""
    inner = keras.Input((40, 40, 3))
    features = layers.GlobalMaxPooling2D()(layers.Conv2D(5, 3)(inner))
    backbone = keras.Model(inner, features)
    inputs = keras.Input((40, 40, 1))
    x = backbone(layers.Concatenate()([inputs] * 3))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def saved(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> keras.Model:
    path = tmp_path_factory.mktemp("saved") / "1.keras"
    save_model(model, path)
    return keras.saving.load_model(path, compile=False)


@pytest.mark.parametrize(
    ("build", "shape"),
    [(of_cnn, (8, 8, 4)), (of_transfer, (2, 2, 1280)), (of_pooled_backbone, (38, 38, 5))],
)
def test_both_halves_of_a_saved_network_are_the_network(
    build: Callable[[Params], keras.Model],
    shape: tuple[int, ...],
    params: Params,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    model = saved(build(params), tmp_path_factory)
    cut = split_at_last_conv(model)
    assert cut is not None
    assert cut.features.output_shape[1:] == shape
    scans = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 1)).astype(np.uint8)
    together = ops.softmax(cut.logits(cut.features.predict_on_batch(scans)))
    assert np.allclose(together, model.predict_on_batch(scans), atol=1e-5)


def test_a_network_without_convolutions_is_not_cut(params: Params) -> None:
    assert split_at_last_conv(ann.build({"dense_layers": 1, "units": 4}, BRIEF, params.ann)) is None


def test_a_feature_map_of_one_position_tells_no_place() -> None:
    inputs = keras.Input((4, 4, 1))
    x = layers.Flatten()(layers.Conv2D(2, 4)(inputs))
    assert split_at_last_conv(keras.Model(inputs, layers.Dense(2, activation="softmax")(x))) is None


def test_a_network_that_joins_features_of_two_maps_is_not_cut() -> None:
    inputs = keras.Input((8, 8, 1))
    fine = layers.Conv2D(2, 3)(inputs)
    pooled = [layers.GlobalMaxPooling2D()(one) for one in (fine, layers.Conv2D(2, 3)(fine))]
    outputs = layers.Dense(2, activation="softmax")(layers.Concatenate()(pooled))
    assert split_at_last_conv(keras.Model(inputs, outputs)) is None


def test_a_mirrored_network_looks_at_both_sides() -> None:
    image = np.maximum(bright(), bright()[:, ::-1])
    cut = split_at_last_conv(with_flip_tta(looking()))
    assert cut is not None
    heat = gradcam(cut, image, 1)
    assert np.allclose(heat, heat[:, ::-1], atol=1e-6)
    assert heat[region()].mean() > 10 * heat[~(region() | region()[:, ::-1])].mean()


def test_a_single_output_speaks_against_the_first_class() -> None:
    for_second, for_first = (split_at_last_conv(looking(sign, outputs=1)) for sign in (20, -20))
    assert for_second is not None
    assert for_first is not None
    assert np.allclose(gradcam(for_second, bright(), 1), gradcam(for_first, bright(), 0))
    assert not gradcam(for_second, bright(), 0).any()


def test_the_map_is_as_large_as_the_scan() -> None:
    cut = split_at_last_conv(looking())
    assert cut is not None
    assert gradcam(cut, bright(), 1).shape == (SIDE, SIDE)
