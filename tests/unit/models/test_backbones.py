import os

import keras
import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.models import efficientnet_lite
from scanvote.models.backbones import (
    PREPROCESSING,
    Preprocessing,
    load_backbone,
    preprocessing,
    saved_file,
    to_rgb,
    weights_file,
)
from scanvote.models.efficientnet_lite import LITES
from scanvote.models.input_spec import InputSpec
from scanvote.models.lite_weights import packaged_weights

SHAPE = (32, 32, 3)
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
# under which Keras keeps what it downloads
KERAS_FILES = {
    "VGG16": "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "VGG19": "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet152": "resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "MobileNetV2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    "InceptionV3": "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "DenseNet121": "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "DenseNet169": "densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "DenseNet201": "densenet201_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "EfficientNetV2B0": "efficientnetv2-b0_notop.h5",
}
OTHERS = [
    "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "resnet152v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "mobilenet_1_0_224_tf_no_top.h5",
    "efficientnetv2-b1_notop.h5",
    "efficientnetb0_notop.h5",
    "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "vgg16_weights_tf_dim_ordering_tf_kernels.h5",
    "resnet50_weights_tf_dim_ordering_tf_kernels.h5",
]
RADIMAGENET = ["ResNet50", "DenseNet121", "InceptionV3"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repository"))
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository"


@pytest.fixture
def mirror(tmp_path):
    (tmp_path / "mirror" / "weights").mkdir(parents=True)
    return tmp_path / "mirror"


def _touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


# ---- pixels ---------------------------------------------------------------------------


def test_every_backbone_is_one_of_keras_applications():
    assert set(PREPROCESSING) == set(MODULES) == set(KERAS_FILES)
    assert all(callable(getattr(keras.applications, name)) for name in PREPROCESSING)


@pytest.mark.parametrize("name", PREPROCESSING)
def test_preprocessing_is_that_of_keras_applications(name):
    scans = np.random.default_rng(1).integers(0, 256, (2, 5, 5, 3)).astype("float32")
    expected = getattr(keras.applications, MODULES[name]).preprocess_input(scans.copy())
    inputs = keras.Input((5, 5, 3))
    found = keras.Model(inputs, preprocessing(name, inputs)).predict(scans, verbose=0)
    assert np.allclose(found, expected, atol=1e-5)


def test_pixels_of_a_saved_model_stay_as_they_are():
    inputs = keras.Input((5, 5, 3))
    assert preprocessing("weights/tiny.keras", inputs) is inputs


def test_an_efficientnet_lite_scales_by_itself():
    inputs = keras.Input((5, 5, 3))
    assert preprocessing("EfficientNetLite0", inputs) is inputs


def test_preprocessing_survives_saving(tmp_path):
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, Preprocessing("torch")(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    scans = np.random.default_rng(1).integers(0, 256, (2, 4, 4, 3), "uint8")
    expected = (scans / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert np.allclose(loaded.predict(scans, verbose=0), expected, atol=1e-5)


def test_a_grey_scan_has_three_equal_channels():
    inputs = keras.Input((4, 4, 1))
    scans = np.random.default_rng(1).integers(0, 256, (2, 4, 4, 1)).astype("float32")
    coloured = keras.Model(inputs, to_rgb(inputs)).predict(scans, verbose=0)
    assert np.array_equal(coloured, scans.repeat(3, axis=3))


# ---- where files lie ------------------------------------------------------------------


def test_a_saved_model_is_looked_for_in_the_repository_then_in_the_mirror(root, mirror):
    places = [root / "a.keras", mirror / "a.keras", mirror / "weights" / "a.keras"]
    assert saved_file("a.keras", mirror) == places[0]
    for place in reversed(places):
        place.touch()
        assert saved_file("a.keras", mirror) == place
    assert saved_file("a.keras", None) == places[0]


def test_an_absolute_path_is_itself(root, mirror, tmp_path):
    path = tmp_path / "elsewhere.keras"
    assert saved_file(str(path), mirror) == path


def test_no_weights_need_no_file(mirror):
    _touch(mirror, *KERAS_FILES.values())
    assert {weights_file(name, "none", mirror) for name in PREPROCESSING} == {None}


@pytest.mark.parametrize("folder", [".", "weights"])
@pytest.mark.parametrize("name", KERAS_FILES)
def test_imagenet_weights_are_found_in_the_mirror_as_keras_names_them(mirror, name, folder):
    _touch(mirror / folder, *KERAS_FILES.values(), *OTHERS)
    assert weights_file(name, "imagenet", mirror) == mirror / folder / KERAS_FILES[name]


@pytest.mark.parametrize("name", KERAS_FILES)
def test_weights_of_other_networks_are_not_taken(mirror, name):
    _touch(mirror, *OTHERS, *(file for other, file in KERAS_FILES.items() if other != name))
    assert weights_file(name, "imagenet", mirror) is None


@pytest.mark.parametrize("name", RADIMAGENET)
def test_weights_of_radimagenet_are_not_taken_for_those_of_imagenet(mirror, name):
    _touch(mirror, f"RadImageNet-{name}_notop.h5")
    assert weights_file(name, "imagenet", mirror) is None


@pytest.mark.parametrize("name", LITES)
@pytest.mark.parametrize("file", ["{}_imagenet_notop.keras", "{}_notop.weights.h5"])
def test_a_converted_lite_is_found_in_the_mirror(mirror, name, file):
    names = {one: file.format(one.replace("Lite", "_lite").lower()) for one in LITES}
    _touch(mirror / "weights", *KERAS_FILES.values(), *names.values())
    assert weights_file(name, "imagenet", mirror) == mirror / "weights" / names[name]


def test_a_lite_that_the_mirror_has_not_comes_from_its_package(mirror):
    _touch(mirror, "efficientnet_lite1_imagenet_notop.keras", *KERAS_FILES.values())
    found = weights_file("EfficientNetLite0", "imagenet", mirror)
    assert found == packaged_weights("EfficientNetLite0")


def test_a_converted_lite_is_no_weights_of_an_efficientnet(mirror):
    _touch(mirror, "efficientnet_lite0_imagenet_notop.keras")
    assert weights_file("EfficientNetV2B0", "imagenet", mirror) is None


def test_without_a_mirror_keras_is_to_find_them():
    assert weights_file("VGG16", "imagenet", None) is None


@pytest.mark.parametrize("name", RADIMAGENET)
def test_a_folder_has_a_file_for_each_backbone(root, name):
    folder = root / "weights" / "radimagenet"
    _touch(folder, *(f"RadImageNet-{one}_notop.h5" for one in [*RADIMAGENET, "IRV2"]))
    found = weights_file(name, "weights/radimagenet", None)
    assert found == folder / f"RadImageNet-{name}_notop.h5"


def test_a_file_may_have_any_name(root, tmp_path):
    _touch(root, "mine.weights.h5")
    assert weights_file("VGG16", "mine.weights.h5", None) == root / "mine.weights.h5"
    _touch(tmp_path, "other.h5")
    assert weights_file("VGG16", str(tmp_path / "other.h5"), None) == tmp_path / "other.h5"


@pytest.mark.parametrize("weights", ["none.h5", "radimagenet", "imagnet"])
def test_missing_weights_are_one_line(root, weights):
    _touch(root / "radimagenet", "RadImageNet-DenseNet121_notop.h5")
    with pytest.raises(InputError) as refused:
        weights_file("ResNet50", weights, None)
    assert str(refused.value) == (
        f"weights: {root}/{weights} has no file for ResNet50; name the file"
    )


# ---- loading --------------------------------------------------------------------------


def _load(name, weights="none", shape=SHAPE, mirror=None):
    return load_backbone(name, shape, weights, InputSpec(shape, 2, mirror))


@pytest.fixture(scope="module")
def trained():
    """Stands in for weights that somebody trained."""
    keras.utils.set_random_seed(3)
    return keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=SHAPE)


def _equal(one, other):
    return all((a == b).all() for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


@pytest.mark.parametrize("file", ["mine.weights.h5", "mine.h5", "mine.keras"])
def test_weights_come_from_a_file(root, trained, file):
    if file.endswith(".weights.h5"):
        trained.save_weights(root / file)
    else:
        trained.save(root / file)
    assert not _equal(_load("MobileNetV2"), trained)
    assert _equal(_load("MobileNetV2", file), trained)


def test_weights_come_from_the_mirror(root, mirror, trained):
    trained.save(mirror / "weights" / KERAS_FILES["MobileNetV2"])
    assert _equal(_load("MobileNetV2", "imagenet", mirror=mirror), trained)


def test_weights_fit_scans_of_another_shape(root, trained):
    trained.save_weights(root / "mine.weights.h5")
    assert _equal(_load("MobileNetV2", "mine.weights.h5", shape=(48, 64, 3)), trained)


@pytest.fixture(scope="module")
def lite():
    """Stands in for an EfficientNet-Lite that somebody trained."""
    keras.utils.set_random_seed(3)
    return efficientnet_lite.build("EfficientNetLite0")


@pytest.mark.parametrize("file", ["lite.weights.h5", "lite.keras"])
def test_weights_of_a_lite_come_from_a_file(root, lite, file):
    if file.endswith(".weights.h5"):
        lite.save_weights(root / file)
    else:
        lite.save(root / file)
    assert _equal(_load("EfficientNetLite0", file), lite)


def test_the_mirror_comes_before_the_package(mirror, lite):
    lite.save(mirror / "efficientnet_lite0_imagenet_notop.keras")
    assert _equal(_load("EfficientNetLite0", "imagenet", mirror=mirror), lite)


def test_without_weights_a_lite_is_untrained(lite):
    packaged = _load("EfficientNetLite0", "imagenet")
    assert not _equal(_load("EfficientNetLite0"), packaged)


@pytest.mark.parametrize("file", ["lite1.keras", "text.keras", "text.h5", "text.pth"])
def test_a_lite_refuses_weights_that_are_not_its_own(root, file):
    efficientnet_lite.build("EfficientNetLite1").save(root / "lite1.keras")
    for text in ("text.keras", "text.h5", "text.pth"):
        (root / text).write_text("not\nweights")
    said = _refusal("EfficientNetLite0", weights=file)
    assert said.startswith(f"transfer.backbones: EfficientNetLite0 refuses the weights of {root}/")


def test_a_saved_model_comes_from_the_mirror(root, mirror, trained):
    trained.save(mirror / "weights" / "mine.keras")
    assert _equal(_load("mine.keras", mirror=mirror), trained)


def _refusal(name, **where):
    with pytest.raises(InputError) as refused:
        _load(name, **where)
    assert str(refused.value).isprintable()
    return str(refused.value)


def test_unknown_backbone_is_refused_with_the_nearest_known():
    assert _refusal("MobilNetV2") == (
        "transfer.backbones: 'MobilNetV2' is unknown; did you mean 'MobileNetV2'?"
    )


def test_missing_file_is_refused_with_its_path(root):
    said = _refusal("weights/none.keras")
    assert said == f"transfer.backbones: there is no file {root}/weights/none.keras"


@pytest.mark.parametrize("name", ["text.keras", "text.h5"])
def test_a_file_that_is_no_model_is_refused(root, name):
    (root / name).write_text("not\na model")
    assert f"{name} is no Keras model: " in _refusal(name)


@pytest.mark.parametrize("weights", ["text.h5", "text.weights.h5", "text.keras", "text.txt"])
def test_a_file_that_holds_no_weights_is_refused(root, weights):
    (root / weights).write_text("not\nweights")
    said = _refusal("MobileNetV2", weights=weights)
    assert "MobileNetV2" in said
    assert weights in said


def test_weights_of_another_network_are_refused(root):
    other = keras.applications.VGG16(include_top=False, weights=None, input_shape=SHAPE)
    other.save(root / "vgg.h5")
    assert "vgg.h5" in _refusal("MobileNetV2", weights="vgg.h5")


def test_scans_too_small_for_a_backbone_are_refused():
    said = _refusal("MobileNetV2", shape=(16, 16, 3))
    assert said.startswith("transfer.backbones: MobileNetV2 refuses scans of (16, 16, 3): ")


def test_weights_that_cannot_be_fetched_are_refused(tmp_path, monkeypatch):
    """As on a machine without a network and with an empty cache."""

    def unreachable(*args, **kwargs):
        raise Exception("URL fetch failure")

    monkeypatch.setitem(os.environ, "KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", unreachable)
    said = _refusal("VGG16", weights="imagenet")
    assert said.startswith("transfer.weights: the ImageNet weights of VGG16 are neither in")
    assert "URL fetch failure" in said
