"""Transfer learning: a backbone of keras.applications, or a saved one, with a new head."""

from pathlib import Path

import keras
from keras import layers
from keras_tuner import HyperParameters

from scanvote.errors import InputError, did_you_mean
from scanvote.models.archive import load_saved_model
from scanvote.params import TransferParams

FROZEN = "frozen_features"  # ends what does not learn: training computes it once

# How each backbone wants its pixels, as keras.applications names it; None: it scales itself.
PREPROCESSING = {
    "VGG16": "caffe",
    "VGG19": "caffe",
    "ResNet50": "caffe",
    "ResNet152": "caffe",
    "MobileNetV2": "tf",
    "InceptionV3": "tf",
    "DenseNet121": "torch",
    "DenseNet169": "torch",
    "DenseNet201": "torch",
    "EfficientNetV2B0": None,
}


def build(
    hp: HyperParameters, shape: tuple[int, int, int], classes: int, params: TransferParams
) -> keras.Model:
    """Backbone → global average pooling → optional dense(`units`) → dropout → softmax.

    Raises:
        InputError: a backbone is unknown, its file is missing or no Keras model,
            its weights cannot be had, or the scans are too small for it.
    """
    inputs = keras.Input(shape, name="scan")
    x = layers.Concatenate()([inputs] * 3) if shape[-1] == 1 else inputs
    name = hp.Choice("backbone", params.backbones)
    x = _features(name, x, params)
    units = hp.Choice("units", params.units)
    if units > 0:
        x = layers.Dense(units, activation="relu")(x)
    x = layers.Dropout(params.dropout)(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x), name="transfer")


def title(backbone: str, params: TransferParams) -> str:
    """A backbone's short name, which says what it was trained on: ``VGG16-untrained``."""
    if _is_saved(backbone):
        return Path(backbone).stem
    return f"{backbone}-{'untrained' if params.weights == 'none' else params.weights}"


def _is_saved(backbone: str) -> bool:
    return Path(backbone).suffix in {".keras", ".h5"}


def _features(name: str, x: keras.KerasTensor, params: TransferParams) -> keras.KerasTensor:
    """float (batch, features) of the backbone."""
    saved = _is_saved(name)
    backbone = (
        load_saved_model(name, "transfer.backbones")
        if saved
        else _application(name, x.shape[1:], params.weights)
    )
    backbone.trainable = not params.frozen
    mode = None if saved else PREPROCESSING[name]
    if mode is not None:
        x = Preprocessing(mode, name="preprocessing")(x)
    features = backbone(x)
    if len(features.shape) == 4:
        features = layers.GlobalAveragePooling2D()(features)
    return layers.Identity(name=FROZEN)(features) if params.frozen else features


def _application(name: str, shape: tuple[int, ...], weights: str) -> keras.Model:
    if name not in PREPROCESSING:
        raise InputError(
            f"transfer.backbones: {name!r} is unknown{did_you_mean(name, PREPROCESSING)}"
        )
    make = getattr(keras.applications, name)
    try:
        return make(
            include_top=False, weights=None if weights == "none" else weights, input_shape=shape
        )
    except ValueError as error:
        raise InputError(f"transfer.backbones: {name} refuses scans of {shape}: {error}") from None
    except Exception as error:
        # keras.utils.get_file raises a bare Exception when the address cannot be reached
        raise InputError(
            f"transfer.weights: the ImageNet weights of {name} are neither in Keras's cache nor "
            f"to be had here ({error}); use `weights: none` or the path of a saved Keras model"
        ) from None


@keras.saving.register_keras_serializable("scanvote")
class Preprocessing(layers.Layer):
    """Scales pixels 0…255 the way a backbone of keras.applications was trained.

    Args:
        mode: ``caffe`` (BGR, mean removed), ``tf`` (−1…1) or ``torch`` (0…1, standardised).
    """

    def __init__(self, mode: str, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.mode = mode

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.applications.imagenet_utils.preprocess_input(x, mode=self.mode)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "mode": self.mode}
