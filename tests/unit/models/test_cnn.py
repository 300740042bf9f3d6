import keras
import numpy as np
import pytest
from keras import layers
from keras_tuner import HyperParameters

from scanvote.models import cnn
from scanvote.models.input_spec import InputSpec
from scanvote.params import CnnParams

SHAPE = (16, 16, 3)


PARAMS = CnnParams(
    convolutions=[1, 2, 3], filters=[32, 64, 128], dense_layers=[0, 1, 2], dropout=0.25
)


def _build(convolutions=1, filters=4, dense_layers=0):
    values = {"convolutions": convolutions, "filters": filters, "dense_layers": dense_layers}
    return cnn.build(values, InputSpec(SHAPE, 4), PARAMS)


def test_choices_and_defaults():
    hp = HyperParameters()
    cnn.space(hp, PARAMS)
    assert {one.name: one.values for one in hp.space} == {
        "filters": [32, 64, 128],
        "convolutions": [1, 2, 3],
        "dense_layers": [0, 1, 2],
    }
    assert hp.values == {"filters": 32, "convolutions": 1, "dense_layers": 0}


@pytest.mark.parametrize(("convolutions", "side"), [(1, 7), (2, 2)])
def test_each_convolution_trims_and_halves(convolutions, side):
    model = _build(convolutions)
    (flatten,) = [layer for layer in model.layers if isinstance(layer, layers.Flatten)]
    assert flatten.input.shape == (None, side, side, 4)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_dense_layers_are_as_wide_as_the_filters(depth):
    model = _build(filters=8, dense_layers=depth)
    widths = [layer.units for layer in model.layers if isinstance(layer, layers.Dense)]
    assert widths == [8] * depth + [4]
    assert model.output_shape == (None, 4)


def test_learns_from_a_batch_of_bytes():
    keras.utils.set_random_seed(1)
    model = _build(2, dense_layers=1)
    model.compile("adam", "sparse_categorical_crossentropy")
    scans = np.random.default_rng(1).integers(0, 256, (8, *SHAPE), "uint8")
    before = [weight.copy() for weight in model.get_weights()]
    assert np.isfinite(model.train_on_batch(scans, np.arange(8) % 4))
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    assert np.allclose(model.predict(scans, verbose=0).sum(axis=1), 1, atol=1e-5)
