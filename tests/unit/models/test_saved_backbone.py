"""Networks that others saved: each is right, or one line with param, file and remedy."""

import keras
import numpy as np
import pytest
from keras import layers

from scanvote.core.errors import InputError
from scanvote.models import preflight
from scanvote.models.features import with_features
from scanvote.models.input_spec import InputSpec
from scanvote.models.transfer import BACKBONE, FROZEN, build, unfreeze
from scanvote.models.unet import build as build_unet
from scanvote.params import Params
from tests.searching import tiny_params

pytestmark = pytest.mark.usefixtures("eager")

SIDE = 32
POINT = {"pooling": "average", "units": 0, "dropout": 0.25}
MASKS = {
    "filters": 2,
    "normalisation": "none",
    "block": "plain",
    "attention": False,
    "dropout": 0.3,
}


def halving(channels=3, side=None, stride=2, x=None):
    """Input and feature maps of half and a quarter of the sides."""
    inputs = keras.Input((side, side, channels))
    x = layers.Conv2D(4, 3, strides=stride, padding="same")(inputs if x is None else x(inputs))
    return inputs, layers.Conv2D(6, 3, strides=2, padding="same", name="second")(x)


def network(**options):
    return keras.Model(*halving(**options))


def pooled(then, **options):
    inputs, x = halving(**options)
    return keras.Model(inputs, then(layers.GlobalAveragePooling2D()(x)))


class Double(layers.Layer):
    def call(self, x):
        return 2 * x


def of_own_class():
    return network(x=Double(name="twice"))


def of_lambda():
    return network(x=layers.Lambda(lambda x: 2 * x, name="twice"))


def double(x):
    return 2 * x


def of_own_function():
    return network(x=layers.Activation(double, name="twice"))


def nested():
    return keras.Sequential([keras.Input((None, None, 3)), layers.Rescaling(1 / 255), network()])


def of_operations():
    return network(x=lambda x: 1 - x / 255.0)


def compiled():
    model = pooled(layers.Dense(3))
    model.compile("adam", lambda truth, guess: keras.ops.mean(truth - guess))
    return model


def damaged():
    model = network()
    model.set_weights([np.full_like(one, np.nan) for one in model.get_weights()])
    return model


def half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return network()
    finally:
        keras.config.set_dtype_policy("float32")


def of_two_inputs():
    inputs, x = halving()
    age = keras.Input((1,))
    return keras.Model([inputs, age], layers.Concatenate()([layers.GlobalMaxPooling2D()(x), age]))


def of_two_outputs():
    inputs, x = halving()
    return keras.Model(inputs, [x, layers.GlobalAveragePooling2D()(x)])


def channels_first():
    inputs = keras.Input((3, None, None))
    return keras.Model(inputs, layers.Conv2D(4, 3, data_format="channels_first")(inputs))


def of_vectors():
    inputs = keras.Input((784,))
    return keras.Model(inputs, layers.Dense(4)(inputs))


def of_tokens():
    inputs, x = halving()
    return keras.Model(inputs, layers.Reshape((-1, 6))(x))


def too_deep():
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.Sequential([layers.MaxPooling2D() for _ in range(7)])(inputs))


def names_of_ours():
    inputs = keras.Input((None, None, 3), name="scan")
    x = layers.Conv2D(4, 3, strides=2, padding="same", name=FROZEN)(inputs)
    x = layers.Conv2D(4, 3, strides=2, padding="same", name=BACKBONE)(x)
    return keras.Model(inputs, layers.Identity(name="encoder")(x), name="transfer")


def of_dictionaries():
    inputs, x = halving()
    return keras.Model({"image": inputs}, {"features": x})


def softmax_of(classes):
    return lambda x: layers.Softmax()(layers.Dense(classes)(x))


RIGHT = {
    "grey": lambda: network(channels=1),
    "colour": network,
    "nested": nested,
    "operations": of_operations,
    "compiled with a loss of its own": compiled,
    "half precision": half_precision,
    "names of ours": names_of_ours,
    "dropout and normalisation": lambda: network(
        x=lambda x: layers.Dropout(0.5)(layers.BatchNormalization()(x))
    ),
    "augmentation": lambda: network(x=layers.RandomRotation(0.1)),
    "a dictionary": of_dictionaries,
    "the scans' size": lambda: network(side=SIDE),
}
WRONG = {
    "takes 2 channels, and the scans have 1; scans have 1 or 3": lambda: network(channels=2),
    "takes 4 channels": lambda: network(channels=4),
    "takes channels first": channels_first,
    "has 2 inputs": of_two_inputs,
    "has 2 outputs": of_two_outputs,
    "ends in a softmax, so it is a whole classifier": lambda: pooled(
        layers.Dense(3, activation="softmax")
    ),
    "ends in a softmax, so it": lambda: pooled(softmax_of(3)),
    "ends in a sigmoid": lambda: pooled(layers.Dense(14, activation="sigmoid")),
    r"takes 64 x 64 pixels, and the scans have 32 x 32; set prepare.classification.image_size to"
    r" 64": lambda: network(side=64),
    r"takes inputs of shape \(784,\)": of_vectors,
    r"gives \(64, 6\) of a scan": of_tokens,
    "refuses scans of": too_deep,
    "values that are not finite": damaged,
    "'twice' is of the class Double": of_own_class,
    "'twice' is a Lambda with Python code": of_lambda,
    "'twice' uses the function double": of_own_function,
}


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Returns a function that saves a network, and returns its path."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))

    def save(make):
        path = tmp_path / "mine.keras"
        make().save(path)
        return path

    return save


def params_of(backbone=None, encoder=None, **unet) -> Params:
    backbones = [str(backbone)] if backbone else ["VGG16"]
    changes = {"backbones": backbones, "weights": "none"}
    return tiny_params(transfer=changes, unet={"encoder": encoder and str(encoder), **unet})


def check(channels=1, task="classification", **networks):
    preflight.check_networks(params_of(**networks), task, (SIDE, SIDE, channels))


def scans(channels=1):
    return np.random.default_rng(1).integers(0, 256, (4, SIDE, SIDE, channels)).astype("float32")


def transfer_network(path, channels=1):
    section = params_of(path).transfer
    return build({**POINT, "backbone": str(path)}, InputSpec((SIDE, SIDE, channels), 3), section)


@pytest.mark.parametrize("name", RIGHT)
def test_it_trains_and_has_features(saved, name):
    path = saved(RIGHT[name])
    check(backbone=path)
    model = transfer_network(path)
    unfreeze(model, 0.45)
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    assert np.isfinite(model.train_on_batch(scans(), np.array([0, 1, 2, 0])))
    assert np.isfinite(with_features(model)(scans(), training=False)[0]).all()


@pytest.mark.parametrize("reason", WRONG)
def test_it_is_refused_in_a_line(saved, reason):
    path = saved(WRONG[reason])
    with pytest.raises(InputError, match=f"^transfer.backbones: {path}: it.* {reason}") as refused:
        check(backbone=path)
    assert str(refused.value).isprintable()


def test_a_grey_backbone_sees_the_scan_as_it_is(saved):
    path = saved(lambda: network(channels=1))
    model = transfer_network(path)
    assert not any(isinstance(layer, layers.Concatenate) for layer in model.layers)
    features = keras.Model(model.inputs, model.get_layer(FROZEN).output)(scans())
    own = keras.ops.mean(keras.saving.load_model(path)(scans()), axis=(1, 2))
    assert np.allclose(features, own, rtol=1e-4)


def test_colour_scans_are_not_made_grey_for_it(saved):
    path = saved(lambda: network(channels=1))
    with pytest.raises(InputError, match=r"scans have 3; set prepare.classification.channels to 1"):
        check(channels=3, backbone=path)


def test_layers_of_a_nested_network_thaw_one_by_one(saved):
    model = transfer_network(saved(nested))
    unfreeze(model, "second")
    assert len(model.get_layer(BACKBONE).trainable_variables) == 2


def test_files_that_hold_no_network_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    network().save_weights(tmp_path / "alone.weights.h5")
    (tmp_path / "pointer.keras").write_text("version https://git-lfs.github.com/spec/v1\n")
    (tmp_path / "net.pth").write_bytes(b"torch")
    reasons = {
        "alone.weights.h5": "holds weights without their network",
        "pointer.keras": "no Keras model.* copy it anew",
        "net.pth": "no saved Keras model",
        "none.keras": "there is no file",
    }
    for name, reason in reasons.items():
        with pytest.raises(InputError, match=f"^transfer.backbones: .*{reason}"):
            check(backbone=tmp_path / name)


def test_it_is_told_before_another_family_or_task_is_trained(saved):
    path = saved(of_two_inputs)
    with pytest.raises(InputError, match=r"^transfer.backbones: .* 2 inputs"):
        check(task="segmentation", backbone=path)
    with pytest.raises(InputError, match=r"^unet.encoder: .* 2 inputs"):
        check(encoder=path)


# ---- as an encoder ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["grey", "nested", "operations", "half precision"])
def test_an_encoder_has_its_levels_and_features(saved, name):
    encodes(saved(RIGHT[name]))


def test_of_a_whole_classifier_the_encoder_leaves_the_top_out(saved):
    encodes(saved(lambda: pooled(layers.Dense(3, activation="softmax"))))


def encodes(path):
    check(task="segmentation", encoder=path)
    section = params_of(encoder=path).unet
    model = build_unet(MASKS, InputSpec((SIDE, SIDE, 1), 1), section)
    encoder = model.get_layer("encoder")
    assert len(encoder.outputs) == 2
    features, mask = with_features(model)(scans(), training=False)
    assert features.shape == (4, encoder.outputs[-1].shape[-1])
    assert np.allclose(mask, model(scans(), training=False), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (of_vectors, r"takes inputs of shape \(784,\)"),
        (lambda: network(stride=4), "no feature map of 1/2 of the slices' sides"),
        (lambda: network(stride=1), "no feature map of 1/4 of the slices' sides"),
    ],
)
def test_an_encoder_without_its_levels_is_refused(saved, make, reason):
    path = saved(make)
    with pytest.raises(InputError, match=f"^unet.encoder: {path}: it .*{reason}"):
        check(task="segmentation", encoder=path)


def test_an_encoder_that_cannot_take_patches_is_refused(saved):
    path = saved(lambda: network(x=layers.Reshape((SIDE, SIDE, 3))))
    check(task="segmentation", encoder=path)
    with pytest.raises(InputError, match=f"^unet.patch: {path}: it refuses patches of 16 pixels"):
        check(task="segmentation", encoder=path, patch=16)
    check(task="segmentation", encoder=saved(network), patch=16)


def test_a_grey_encoder_takes_neighbouring_slices(saved):
    section = params_of(encoder=saved(lambda: network(channels=1))).unet
    section = section.model_copy(update={"context": 1})
    model = build_unet(MASKS, InputSpec((SIDE, SIDE, 3), 1), section)
    mixed = keras.Model(model.inputs, model.get_layer("neighbours").output)(scans(3))
    assert np.allclose(mixed, scans(3)[..., 1:2], atol=1e-4)
