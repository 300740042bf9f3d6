from pathlib import Path

import keras
import numpy as np
import pytest

from scanvote.models import unet
from scanvote.models.input_spec import InputSpec
from scanvote.models.losses import LOSSES
from scanvote.models.saving import save_model
from scanvote.params import load_params

ROOT = Path(__file__).parents[3]
VALUES = {
    "filters": 16,
    "normalisation": "none",
    "block": "plain",
    "attention": False,
    "dropout": 0.3,
}


pytestmark = pytest.mark.usefixtures("eager")


def _build(shape, section=None, **values):
    params = load_params(ROOT / "params.yaml").unet.model_copy(update=section or {})
    return unet.build({**VALUES, **values}, InputSpec(shape, 1), params)


def test_the_published_network_with_dropout():
    model = _build((256, 256, 3))
    assert model.count_params() == 1_941_105
    assert model.output_shape == (None, 256, 256, 1)
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.1, 0.1, 0.2, 0.2, 0.3, 0.2, 0.2, 0.1, 0.1]


def test_the_published_network_with_batch_norm_has_offsets_there_and_not_in_the_convolutions():
    channels = 2 * (2 * (16 + 32 + 64 + 128) + 256)
    model = _build((256, 256, 3), normalisation="batch")
    assert model.count_params() == 1_941_105 + 3 * channels
    assert model.output_shape == (None, 256, 256, 1)


def _convolutions(model):
    layers = [one for one in model.layers if isinstance(one, keras.layers.Conv2D)]
    return [(one.filters, *one.output.shape[1:3]) for one in layers if one.kernel_size == (3, 3)]


@pytest.mark.parametrize("normalisation", ["none", "batch", "group"])
def test_filters_double_where_the_size_halves(normalisation):
    found = _convolutions(_build((64, 64, 1), filters=2, normalisation=normalisation))
    down = [(2 * 2**level, 64 >> level, 64 >> level) for level in range(5) for _ in range(2)]
    assert found == [*down, *reversed(down[:8])]


@pytest.mark.parametrize(
    ("values", "section"),
    [
        pytest.param({}, {}, id="published"),
        pytest.param({"block": "residual", "normalisation": "group"}, {}, id="residual"),
        pytest.param({"attention": True}, {}, id="attention"),
        pytest.param({}, {"upsampling": "nearest"}, id="nearest"),
    ],
)
def test_learns_from_a_batch_of_bytes(values, section):
    _learns(_build((16, 16, 1), section, filters=2, **values), "bce_dice")


@pytest.mark.parametrize("prior", [0.5, 0.01])
def test_a_new_network_expects_as_much_tumour_as_it_was_told(prior):
    model = _build((16, 16, 1), {"prior": prior}, filters=2)
    nothing = np.zeros((1, 16, 16, 1), "uint8")
    assert model.predict(nothing, verbose=0) == pytest.approx(prior, rel=1e-5)


def _learns(model, loss):
    model.compile("adam", LOSSES[loss])
    random = np.random.default_rng(1)
    scans = random.integers(0, 256, (4, *model.input_shape[1:]), "uint8")
    masks = random.integers(0, 2, (4, *model.output_shape[1:]), "uint8")
    before = [weight.copy() for weight in model.get_weights()]
    assert np.isfinite(model.train_on_batch(scans, masks))
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    predicted = model.predict(scans, verbose=0)
    assert predicted.shape == (4, *model.output_shape[1:])
    assert predicted.min() >= 0
    assert predicted.max() <= 1


def test_a_known_backbone_is_the_encoder_and_learns():
    model = _build((64, 64, 1), {"encoder": "MobileNetV2", "weights": "none"}, filters=2)
    encoder = model.get_layer("encoder")
    assert [output.shape[1] for output in encoder.outputs] == [32, 16, 8, 4, 2]
    assert encoder.trainable
    _learns(model, "bce_dice")


def test_of_neighbouring_slices_the_encoder_starts_with_the_middle_one():
    model = _build((64, 64, 9), {"encoder": "MobileNetV2", "context": 1}, filters=2)
    mixed = keras.Model(model.inputs, model.get_layer("neighbours").output)
    scans = np.random.default_rng(1).uniform(0, 255, (2, 64, 64, 9)).astype("float32")
    assert np.allclose(mixed.predict(scans, verbose=0), scans[..., 3:6], atol=1e-4)


@pytest.mark.parametrize(
    "channels",
    [
        pytest.param(1, id="grey"),
        pytest.param(3, id="colour"),
        pytest.param(9, id="3 colour slices"),
    ],
)
def test_a_saved_backbone_is_an_encoder_like_any_other(tmp_path, channels):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = keras.layers.Conv2D(6, 3, strides=2, padding="same", name="coarse")(x)
    save_model(keras.Model(inputs, x), tmp_path / "small.keras")
    section = {"encoder": str(tmp_path / "small.keras"), "context": int(channels == 9)}
    model = _build((32, 32, channels), section, filters=2)
    assert model.get_layer("encoder").outputs[-1].shape[-1] == 6
    assert model.output_shape == (None, 32, 32, 1)
    _learns(model, "bce_dice")


def test_a_pretrained_encoder_keeps_its_statistics_in_training_and_a_new_one_learns_them(tmp_path):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = keras.Sequential([keras.layers.BatchNormalization(name="inner")])(x)
    x = keras.layers.Conv2D(6, 3, strides=2, padding="same")(x)
    save_model(keras.Model(inputs, x), tmp_path / "small.keras")
    pretrained = _build((32, 32, 3), {"encoder": str(tmp_path / "small.keras")}, filters=2)
    new = _build((32, 32, 3), {"encoder": "MobileNetV2", "weights": "none"}, filters=2)
    for model, kept in ((pretrained, True), (new, False)):
        before = _statistics(model.get_layer("encoder"))
        _learns(model, "bce_dice")
        after = _statistics(model.get_layer("encoder"))
        assert len(before) >= 2
        assert all(map(np.array_equal, before, after)) == kept


def _statistics(network):
    return [
        keras.ops.convert_to_numpy(one)
        for one in network.non_trainable_variables
        if one.name.startswith("moving_")
    ]


@pytest.mark.parametrize(("filters", "skip"), [(1, 2), (3, 4)], ids=["wider", "narrower"])
def test_wide_maps_of_a_backbone_enter_the_decoder_in_its_width(tmp_path, filters, skip):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = keras.layers.Conv2D(6, 3, strides=2, padding="same")(x)
    save_model(keras.Model(inputs, x), tmp_path / "small.keras")
    section = {"encoder": str(tmp_path / "small.keras")}
    model = _build((32, 32, 3), section, filters=filters)
    joined = [layer for layer in model.layers if isinstance(layer, keras.layers.Concatenate)]
    widths = {one.input[1].shape[1]: one.input[1].shape[-1] for one in joined}
    assert widths == {16: skip, 32: filters}


def test_a_size_that_does_not_halve_is_refused():
    with pytest.raises(ValueError, match="Concatenate"):
        _build((24, 24, 1), filters=2)
