import keras
import numpy as np
import pytest

from scanvote.models.flip_tta import FlipTTA, with_flip_tta

SHAPE = (8, 6, 1)


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    inputs = keras.Input(SHAPE)
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    outputs = keras.layers.Dense(3, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="tiny")


def _scans():
    return np.random.default_rng(1).integers(0, 256, (5, *SHAPE), "uint8")


def test_left_and_right_are_exchanged_and_nothing_else():
    assert np.array_equal(np.asarray(FlipTTA()(_scans())), _scans()[:, :, ::-1])


def test_the_answer_is_the_mean_of_both_looks(model):
    looks = [model.predict(scans, verbose=0) for scans in (_scans(), _scans()[:, :, ::-1].copy())]
    assert not np.allclose(*looks, atol=1e-3)
    both = with_flip_tta(model).predict(_scans(), verbose=0)
    assert np.allclose(both, np.mean(looks, axis=0), atol=1e-6)
    assert np.allclose(both.sum(axis=1), 1, atol=1e-6)


def test_a_scan_and_its_mirror_image_have_one_answer(model):
    both = with_flip_tta(model)
    images = _scans()[:, :, ::-1].copy()
    assert np.allclose(
        both.predict(images, verbose=0), both.predict(_scans(), verbose=0), atol=1e-6
    )


def test_the_weights_are_those_of_the_model(model):
    both = with_flip_tta(model)
    assert both.count_params() == model.count_params()
    assert both.get_layer("tiny") is model
    model.layers[-1].kernel.assign(np.zeros((48, 3)))
    assert np.allclose(both.predict(_scans(), verbose=0), 1 / 3)


def test_it_is_saved_and_loaded(model, tmp_path):
    both = with_flip_tta(model)
    both.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.name == "tiny_mirrored"
    assert loaded.input_shape == (None, *SHAPE)
    assert np.array_equal(loaded.predict(_scans(), verbose=0), both.predict(_scans(), verbose=0))
