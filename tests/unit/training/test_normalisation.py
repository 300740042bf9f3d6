"""Batch normalisation by the fused kernel learns what Keras's own does."""

import keras
import numpy as np
import pytest
from keras import layers

from scanvote.training.normalisation import fuse_normalisation


def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 6, 2))
    inner = keras.Sequential([keras.Input((6, 6, 4)), layers.BatchNormalization(name="within")])
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    x = inner(layers.ReLU()(layers.BatchNormalization(name="outer")(x)))
    x = layers.BatchNormalization(name="flat")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(1)(x))


def fitted(fused: bool, frozen: bool = False) -> keras.Model:
    model = network()
    model.get_layer("outer").trainable = not frozen
    if fused:
        fuse_normalisation(model)
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    random = np.random.default_rng(5)
    images = (9 * random.random((32, 6, 6, 2))).astype(np.float32)
    model.fit(images, images.mean(axis=(1, 2, 3)), batch_size=8, epochs=1, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("frozen", [False, True])
def test_it_learns_the_same(frozen: bool) -> None:
    plain, fused = (fitted(one, frozen) for one in (False, True))
    for one, other in zip(plain.get_weights(), fused.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)
    moved = fused.get_layer("outer").moving_mean
    assert bool(np.any(np.abs(moved) > 0)) is not frozen


def test_what_is_saved_knows_nothing_of_it(tmp_path) -> None:
    model = fitted(True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.get_layer("outer")) is layers.BatchNormalization
    assert "call" not in vars(loaded.get_layer("outer"))
    images = np.random.default_rng(1).random((4, 6, 6, 2), np.float32)
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )
