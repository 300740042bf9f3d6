from pathlib import Path

import keras
import numpy as np
import pytest
from keras_tuner import HyperParameters

from scanvote.core.errors import InputError
from scanvote.models import ann
from scanvote.models.input_spec import InputSpec
from scanvote.params import AnnParams, load_params
from scanvote.tuning.tuner import run_tuner

ROOT = Path(__file__).parents[3]
SHAPE = (16, 16, 1)


def _params(dense_layers=(0, 1, 2), units=(32, 64, 128), shrink=1):
    sizes = {"dense_layers": list(dense_layers), "units": list(units)}
    return AnnParams(shrink=shrink, dropout=0.25, **sizes)


def _points(params):
    """What a search of the whole grid is asked to train."""
    whole = load_params(ROOT / "params.yaml").search
    search = whole.model_copy(update={"algorithm": "grid", "max_trials": 50})
    points = []
    run_tuner(
        lambda hp: ann.space(hp, params),
        lambda values, epochs: points.append(values) or 0.0,
        search,
        seed=1,
        kept=1,
    )
    return points


def _build(dense_layers, units=8, outputs=4):
    values = {"dense_layers": dense_layers, "units": units}
    return ann.build(values, InputSpec(SHAPE, outputs), _params())


def _widths(model):
    return [layer.units for layer in model.layers if hasattr(layer, "units")]


def test_choices_and_defaults():
    hp = HyperParameters()
    ann.space(hp, _params())
    assert hp.values == {"dense_layers": 0}
    hp = HyperParameters()
    hp.Fixed("dense_layers", 2)
    ann.space(hp, _params())
    assert hp.values == {"dense_layers": 2, "units": 32}


def test_grid_has_7_points_because_no_layer_has_no_width():
    points = _points(_params())
    assert len(points) == 7
    assert points.count({"dense_layers": 0}) == 1
    assert sorted((p["dense_layers"], p["units"]) for p in points if p["dense_layers"]) == [
        (layers, units) for layers in (1, 2) for units in (32, 64, 128)
    ]


def test_grid_of_no_hidden_layer_is_one_point():
    assert _points(_params(dense_layers=[0])) == [{"dense_layers": 0}]


@pytest.mark.parametrize("dense_layers", [[1, 2], [2, 1, 0]])
def test_order_and_absence_of_0_do_not_lose_points(dense_layers):
    points = _points(_params(dense_layers=dense_layers))
    assert len(points) == 6 + (0 in dense_layers)
    assert all(("units" in point) == (point["dense_layers"] > 0) for point in points)


@pytest.mark.parametrize(("layers", "widths"), [(0, [4]), (1, [8, 4]), (2, [8, 8, 4])])
def test_hidden_layers_and_their_width(layers, widths):
    model = _build(layers)
    assert _widths(model) == widths
    assert model.output_shape == (None, 4)


def test_learns_from_a_batch_of_bytes():
    keras.utils.set_random_seed(1)
    model = _build(1)
    model.compile("adam", "sparse_categorical_crossentropy")
    scans = np.random.default_rng(1).integers(0, 256, (8, *SHAPE), "uint8")
    before = [weight.copy() for weight in model.get_weights()]
    loss = model.train_on_batch(scans, np.arange(8) % 4)
    assert np.isfinite(loss)
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    assert np.allclose(model.predict(scans, verbose=0).sum(axis=1), 1, atol=1e-5)


def test_pixels_are_scaled_to_0_1():
    model = _build(0)
    dense = model.layers[-1]
    white = np.full((1, *SHAPE), 255, "uint8")
    logits = dense.kernel.numpy().sum(axis=0) + dense.bias.numpy()
    expected = np.exp(logits) / np.exp(logits).sum()
    assert np.allclose(model.predict(white, verbose=0)[0], expected, atol=1e-5)


def test_a_shrunk_scan_is_the_mean_of_its_squares():
    model = ann.build({"dense_layers": 0}, InputSpec(SHAPE, 4), _params(shrink=4))
    assert model.layers[-1].kernel.shape == (16, 4)
    scans = np.random.default_rng(1).integers(0, 256, (2, *SHAPE), "uint8")
    means = scans.reshape(2, 4, 4, 4, 4).mean(axis=(2, 4)).repeat(4, 1).repeat(4, 2)
    expected = model.predict(means[..., None], verbose=0)
    assert np.allclose(model.predict(scans, verbose=0), expected, atol=1e-5)


def test_a_shrink_that_leaves_pixels_over_is_refused():
    with pytest.raises(InputError, match=r"^ann.shrink: 3 does not divide scans of 16 x 16"):
        ann.build({"dense_layers": 0}, InputSpec((16, 16, 1), 4), _params(shrink=3))


def test_two_classes_may_have_one_output():
    model = _build(1, outputs=1)
    scans = np.random.default_rng(1).integers(0, 256, (8, *SHAPE), "uint8")
    predicted = model.predict(scans, verbose=0)
    assert predicted.shape == (8, 1)
    assert ((predicted > 0) & (predicted < 1)).all()
