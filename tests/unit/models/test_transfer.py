import keras
import numpy as np
import pytest
from keras_tuner import HyperParameters

from scanvote.models import transfer
from scanvote.models.input_spec import InputSpec
from scanvote.models.transfer import BACKBONE, FROZEN
from scanvote.params import TransferParams

SHAPE = (32, 32, 1)
BACKBONE_PARAMETERS = (3 * 3 * 3 * 4 + 4) + (4 * 4 + 4)


@pytest.fixture
def extractor(tmp_path, monkeypatch):
    """A saved model of 4 features and two layers that learn, in a repository of its own."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="first")(inputs)
    x = keras.layers.Conv2D(4, 1, name="second")(x)
    path = tmp_path / "weights" / "tiny.keras"
    path.parent.mkdir()
    keras.Model(inputs, x).save(path)
    return path


def _params(backbones, **changes):
    plain = {
        "weights": "none",
        "thaw": None,
        "thaw_after": 0,
        "pooling": ["average"],
        "units": [0],
        "dropout": [0.25],
    }
    return TransferParams(backbones=[str(name) for name in backbones], **{**plain, **changes})


def _build(backbone, shape=SHAPE, outputs=4, **values):
    point = {"backbone": str(backbone), "pooling": "average", "units": 0, "dropout": 0.25}
    return transfer.build({**point, **values}, InputSpec(shape, outputs), _params([backbone]))


def _scans(count=8, shape=SHAPE):
    return np.random.default_rng(1).integers(0, 256, (count, *shape), "uint8")


def _layer_names(model):
    return [layer.name for layer in model.layers]


def _step(model):
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    assert np.isfinite(model.train_on_batch(_scans(), np.arange(8) % 4))


# ---- the grid -------------------------------------------------------------------------


def test_choices_and_defaults():
    hp = HyperParameters()
    grid = {"pooling": ["average", "max"], "units": [0, 64], "dropout": [0.25, 0.5]}
    transfer.space(hp, _params(["VGG16", "MobileNetV2"], **grid))
    assert {one.name: one.values for one in hp.space} == {
        "backbone": ["VGG16", "MobileNetV2"],
        **grid,
    }
    assert hp.values == {"backbone": "VGG16", "pooling": "average", "units": 0, "dropout": 0.25}


@pytest.mark.parametrize(
    ("backbone", "weights", "title"),
    [
        ("VGG16", "none", "VGG16-untrained"),
        ("VGG16", "imagenet", "VGG16-imagenet"),
        ("VGG16", "weights/radimagenet", "VGG16-radimagenet"),
        ("weights/lite0.keras", "none", "lite0"),
    ],
)
def test_a_title_says_what_a_backbone_was_trained_on(backbone, weights, title):
    assert transfer.short_name(backbone, _params([backbone], weights=weights)) == title


# ---- the network ----------------------------------------------------------------------


@pytest.mark.parametrize(("units", "trained"), [(0, 4 * 4 + 4), (8, 4 * 8 + 8 + 8 * 4 + 4)])
def test_only_the_head_learns(extractor, units, trained):
    model = _build(extractor, units=units)
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == trained
    assert model.count_params() == trained + BACKBONE_PARAMETERS
    assert model.get_layer(FROZEN).output.shape == (None, 4)


def test_a_training_step_leaves_the_backbone_as_saved(extractor):
    model = _build(extractor)
    saved = keras.saving.load_model(extractor).get_weights()
    head = [v.numpy() for v in model.trainable_variables]
    _step(model)
    for was, now in zip(saved, model.get_layer(BACKBONE).get_weights(), strict=True):
        assert (was == now).all()
    assert any((a != v.numpy()).any() for a, v in zip(head, model.trainable_variables, strict=True))


@pytest.mark.parametrize(("pooling", "pool"), [("average", np.mean), ("max", np.max)])
def test_features_are_pooled_as_asked(extractor, pooling, pool):
    model = _build(extractor, pooling=pooling)
    features = keras.Model(model.inputs, model.get_layer(FROZEN).output)
    maps = keras.saving.load_model(extractor).predict(_scans().repeat(3, axis=3), verbose=0)
    assert np.allclose(features.predict(_scans(), verbose=0), pool(maps, axis=(1, 2)), rtol=1e-4)


def test_a_backbone_that_pools_by_itself_is_left_alone(extractor):
    inputs = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(5, 3)(inputs))
    keras.Model(inputs, pooled).save(extractor.with_name("pooled.keras"))
    assert _build("weights/pooled.keras").get_layer(FROZEN).output.shape == (None, 5)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_dropout_is_that_of_the_point(extractor, rate):
    model = _build(extractor, dropout=rate)
    assert [one.rate for one in model.layers if isinstance(one, keras.layers.Dropout)] == [rate]


def test_two_classes_may_have_one_output(extractor):
    predicted = _build(extractor, outputs=1).predict(_scans(), verbose=0)
    assert predicted.shape == (8, 1)
    assert ((predicted >= 0) & (predicted <= 1)).all()


def test_a_relative_path_counts_from_the_repository(extractor, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert _build("weights/tiny.keras").output_shape == (None, 4)


def test_grey_and_colour_scans_of_equal_channels_give_the_same_answer(extractor):
    grey, colour = _build(extractor), _build(extractor, shape=(32, 32, 3))
    colour.set_weights(grey.get_weights())
    of_grey = grey.predict(_scans(), verbose=0)
    assert np.array_equal(of_grey, colour.predict(_scans().repeat(3, axis=3), verbose=0))


def test_backbone_of_keras_applications():
    model = _build("MobileNetV2")
    assert len(model.trainable_variables) == 2
    assert "preprocessing" in _layer_names(model)
    _step(model)


# ---- thawing --------------------------------------------------------------------------


def _learning(model):
    """The layers of the backbone whose weights a step may change."""
    backbone = model.get_layer(BACKBONE)
    return [layer.name for layer in backbone.layers if layer.trainable_variables]


@pytest.mark.parametrize(
    ("thaw", "layers"),
    [
        ("all", ["first", "second"]),
        ("first", ["first", "second"]),
        ("second", ["second"]),
        (1.0, ["first", "second"]),
        (0.4, ["second"]),  # of an input and two layers
    ],
)
def test_a_backbone_learns_from_a_layer_on(extractor, thaw, layers):
    model = _build(extractor)
    assert _learning(model) == []
    transfer.unfreeze(model, thaw)
    assert _learning(model) == layers
    assert len(model.trainable_variables) == 2 + 2 * len(layers)


def test_only_what_was_thawed_changes_in_a_step(extractor):
    model = _build(extractor)
    transfer.unfreeze(model, "second")
    layers = [model.get_layer(BACKBONE).get_layer(name) for name in ("first", "second")]
    before = [layer.get_weights() for layer in layers]
    _step(model)
    changed = [
        any((a != b).any() for a, b in zip(was, layer.get_weights(), strict=True))
        for was, layer in zip(before, layers, strict=True)
    ]
    assert changed == [False, True]


def test_a_named_block_of_keras_applications_is_thawed():
    model = _build("VGG16")
    transfer.unfreeze(model, "block5_conv1")
    assert _learning(model) == ["block5_conv1", "block5_conv2", "block5_conv3"]


def test_an_unknown_layer_is_refused_with_the_last_ones(extractor):
    model = _build(extractor)
    with pytest.raises(ValueError, match=r"no layer 'block9'; its last are .*first, second$"):
        transfer.unfreeze(model, "block9")
    assert _learning(model) == []
