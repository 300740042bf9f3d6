from typing import get_args

import keras
import numpy as np
import pytest
from keras_tuner import HyperParameters

from scanvote.models import published
from scanvote.models.input_spec import InputSpec
from scanvote.params import Network, PublishedParams

NAMES = list(published.NETWORKS)


def _params(networks=tuple(NAMES), weights="none"):
    return PublishedParams(networks=list(networks), weights=weights)


def _build(name, shape, outputs):
    return published.build({"network": name}, InputSpec(shape, outputs), _params())


def _trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


# Each was published so, but for the DenseNet121, whose source gives no count: Keras's own.
COUNTS = [
    ("resnet50_yes_no", (224, 224, 3), 2, 23_600_002, 23_542_786),
    ("cnn_lime", (150, 150, 3), 1, 720_897, 720_897),
    ("pneumonia_cnn1", (256, 256, 1), 1, 8_673_793, 8_673_793 - 704),
    ("densenet121", (256, 256, 1), 1, 7_032_257, 7_032_257 - 83_648),
]


@pytest.mark.parametrize(("name", "shape", "outputs", "parameters", "trainable"), COUNTS)
def test_parameters_are_those_published(name, shape, outputs, parameters, trainable):
    model = _build(name, shape, outputs)
    assert model.count_params() == parameters
    assert _trainable(model) == trainable
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, outputs)


def _layers(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def test_the_pneumonia_cnn_is_flattened_to_32768_and_narrows_to_one():
    model = _build("pneumonia_cnn1", (256, 256, 1), 1)
    (flatten,) = _layers(model, keras.layers.Flatten)
    assert flatten.output.shape == (None, 32_768)
    assert [one.filters for one in _layers(model, keras.layers.Conv2D)] == [32, 64, 128, 128]
    assert [one.units for one in _layers(model, keras.layers.Dense)] == [256, 128, 64, 32, 1]
    assert len(_layers(model, keras.layers.Dropout)) == 3


def test_each_pneumonia_cnn_is_deeper_than_the_one_before():
    models = [_build(f"pneumonia_cnn{number}", (256, 256, 1), 1) for number in (1, 2, 3)]
    convolutions = [len(_layers(model, keras.layers.Conv2D)) for model in models]
    assert convolutions[0] < convolutions[1] < convolutions[2]
    norms = [len(_layers(model, keras.layers.BatchNormalization)) for model in models]
    pools = [len(_layers(model, keras.layers.MaxPooling2D)) for model in models]
    assert norms == pools == convolutions


@pytest.mark.parametrize(("channels", "outputs"), [(1, 1), (3, 3)])
@pytest.mark.parametrize("name", NAMES)
def test_any_scan_of_64_pixels_gives_probabilities(name, channels, outputs):
    model = _build(name, (64, 64, channels), outputs)
    scans = np.random.default_rng(1).integers(0, 256, (2, 64, 64, channels), "uint8")
    predicted = np.asarray(model(scans.astype("float32"), training=False))
    assert predicted.shape == (2, outputs)
    assert ((predicted >= 0) & (predicted <= 1)).all()
    if outputs > 1:
        assert np.allclose(predicted.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_on_a_batch_of_bytes_is_finite_and_reaches_the_first_layer(name):
    keras.utils.set_random_seed(1)
    model = _build(name, (64, 64, 1), 1)
    model.compile("sgd", "binary_crossentropy", run_eagerly=True)  # a graph takes long to make
    scans = np.random.default_rng(1).integers(0, 256, (4, 64, 64, 1), "uint8")
    before = model.trainable_variables[0].numpy()
    assert np.isfinite(model.train_on_batch(scans, np.array([[0], [1], [0], [1]])))
    assert (model.trainable_variables[0].numpy() != before).any()


def test_the_grid_is_the_networks_of_the_params():
    hp = HyperParameters()
    published.space(hp, _params(["cnn_lime", "densenet121"]))
    assert {one.name: one.values for one in hp.space} == {"network": ["cnn_lime", "densenet121"]}


def test_every_network_that_params_know_is_here():
    assert set(get_args(Network)) == set(NAMES)


@pytest.mark.parametrize(("name", "side"), [("pneumonia_cnn3", 63), ("densenet121", 31)])
def test_scans_too_small_are_refused(name, side):
    with pytest.raises(ValueError, match=r"(?i)size"):
        _build(name, (side, side, 1), 2)


def test_only_the_resnet_starts_from_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    shape = (32, 32, 3)
    source = keras.applications.ResNet50(include_top=False, weights=None, input_shape=shape)
    source.save_weights(tmp_path / "mine.weights.h5")
    params = _params(weights="mine.weights.h5")
    model = published.build({"network": "resnet50_yes_no"}, InputSpec(shape, 2), params)
    (backbone,) = _layers(model, keras.Model)
    for wanted, found in zip(source.get_weights(), backbone.get_weights(), strict=True):
        assert (wanted == found).all()
    other = published.build({"network": "cnn_lime"}, InputSpec(shape, 2), params)
    assert other.count_params() > 0
