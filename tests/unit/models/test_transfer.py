import keras
import numpy as np
import pytest
from keras_tuner import HyperParameters

from scanvote.errors import InputError
from scanvote.models import transfer
from scanvote.models.transfer import FROZEN, PREPROCESSING, Preprocessing
from scanvote.params import TransferParams

SHAPE = (32, 32, 1)
MODULES = {
    "VGG16": "vgg16",
    "VGG19": "vgg19",
    "ResNet50": "resnet",
    "ResNet152": "resnet",
    "MobileNetV2": "mobilenet_v2",
    "InceptionV3": "inception_v3",
    "DenseNet121": "densenet",
    "DenseNet169": "densenet",
    "DenseNet201": "densenet",
    "EfficientNetV2B0": "efficientnet_v2",
}


@pytest.fixture
def extractor(tmp_path, monkeypatch):
    """A saved model of 4 features, in a repository of its own."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(inputs)
    path = tmp_path / "weights" / "tiny.keras"
    path.parent.mkdir()
    keras.Model(inputs, x).save(path)
    return path


def _build(backbones, units=(0,), frozen=True, shape=SHAPE, hp=None):
    params = TransferParams(
        backbones=list(backbones), weights="none", frozen=frozen, units=list(units), dropout=0.25
    )
    return transfer.build(hp or HyperParameters(), shape, 4, params)


def _layer_names(model):
    return [layer.name for layer in model.layers]


def test_choices_and_defaults(extractor):
    hp = HyperParameters()
    _build([str(extractor), "MobileNetV2"], units=[0, 64], hp=hp)
    assert {one.name: one.values for one in hp.space} == {
        "backbone": [str(extractor), "MobileNetV2"],
        "units": [0, 64],
    }
    assert hp.values == {"backbone": str(extractor), "units": 0}


@pytest.mark.parametrize(("units", "trained"), [(0, 4 * 4 + 4), (8, 4 * 8 + 8 + 8 * 4 + 4)])
def test_only_the_head_learns_on_a_frozen_backbone(extractor, units, trained):
    model = _build([str(extractor)], units=[units])
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == trained
    assert model.count_params() == trained + 3 * 3 * 3 * 4 + 4
    assert FROZEN in _layer_names(model)
    assert model.get_layer(FROZEN).output.shape == (None, 4)


def test_a_free_backbone_learns_and_marks_nothing_as_frozen(extractor):
    model = _build([str(extractor)], frozen=False)
    assert len(model.trainable_variables) == len(model.weights) == 4
    assert FROZEN not in _layer_names(model)


def test_a_training_step_leaves_the_frozen_backbone_as_saved(extractor):
    model = _build([str(extractor)])
    saved = keras.saving.load_model(extractor).get_weights()
    head = [v.numpy() for v in model.trainable_variables]
    model.compile("adam", "sparse_categorical_crossentropy")
    scans = np.random.default_rng(1).integers(0, 256, (8, *SHAPE), "uint8")
    assert np.isfinite(model.train_on_batch(scans, np.arange(8) % 4))
    frozen = [v.numpy() for v in model.non_trainable_variables if "seed" not in v.path]
    for was, now in zip(saved, frozen, strict=True):
        assert (was == now).all()
    assert any((a != v.numpy()).any() for a, v in zip(head, model.trainable_variables, strict=True))


def test_a_relative_path_counts_from_the_repository(extractor, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert _build(["weights/tiny.keras"]).output_shape == (None, 4)


def test_grey_and_colour_scans_of_equal_channels_give_the_same_features(extractor):
    grey, colour = _build([str(extractor)]), _build([str(extractor)], shape=(32, 32, 3))
    colour.set_weights(grey.get_weights())
    scans = np.random.default_rng(1).integers(0, 256, (2, *SHAPE), "uint8")
    of_grey = grey.predict(scans, verbose=0)
    assert np.array_equal(of_grey, colour.predict(scans.repeat(3, axis=3), verbose=0))


def test_backbone_of_keras_applications():
    model = _build(["MobileNetV2"])
    assert len(model.trainable_variables) == 2
    assert "preprocessing" in _layer_names(model)
    model.compile("adam", "sparse_categorical_crossentropy")
    assert np.isfinite(model.train_on_batch(np.zeros((2, *SHAPE), "uint8"), np.array([0, 3])))


def _refusal(name, shape=SHAPE):
    with pytest.raises(InputError) as refused:
        _build([name], shape=shape)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_unknown_backbone_is_refused_with_the_nearest_known():
    assert _refusal("MobilNetV2") == (
        "transfer.backbones: 'MobilNetV2' is unknown; did you mean 'MobileNetV2'?"
    )


def test_missing_file_is_refused_with_its_path(extractor, tmp_path):
    assert _refusal("weights/none.keras") == (
        f"transfer.backbones: there is no file {tmp_path}/weights/none.keras"
    )


@pytest.mark.parametrize("name", ["text.keras", "text.h5"])
def test_a_file_that_is_no_model_is_refused(extractor, name):
    (extractor.parent / name).write_text("not\na model")
    assert f"{name} is no Keras model: " in _refusal(f"weights/{name}")


def test_scans_too_small_for_a_backbone_are_refused():
    said = _refusal("MobileNetV2", shape=(16, 16, 1))
    assert said.startswith("transfer.backbones: MobileNetV2 refuses scans of (16, 16, 3): ")


def test_every_backbone_is_one_of_keras_applications():
    assert set(PREPROCESSING) == set(MODULES)
    assert all(callable(getattr(keras.applications, name)) for name in PREPROCESSING)


@pytest.mark.parametrize("name", PREPROCESSING)
def test_preprocessing_is_that_of_keras_applications(name):
    scans = np.random.default_rng(1).integers(0, 256, (2, 5, 5, 3)).astype("float32")
    expected = getattr(keras.applications, MODULES[name]).preprocess_input(scans.copy())
    mode = PREPROCESSING[name]
    found = scans if mode is None else np.asarray(Preprocessing(mode)(scans))
    assert np.allclose(found, expected, atol=1e-5)


def test_preprocessing_survives_saving(tmp_path):
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, Preprocessing("torch")(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    scans = np.random.default_rng(1).integers(0, 256, (2, 4, 4, 3), "uint8")
    expected = (scans / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert np.allclose(loaded.predict(scans, verbose=0), expected, atol=1e-5)
